import { timingSafeEqual } from 'node:crypto'
import type { Queryable } from '../../database/database.ts'
import type { NewId } from '../../values/identifier.ts'
import { expiryOf } from '../key/cryptoperiod.ts'
import { type DraftChange, EVENT_OF } from '../key/draft-change.ts'
import { type Handover, type MacKey, makeHandover } from '../key/handover.ts'
import {
  type KeyPurpose,
  type KeyRow,
  keyOfBytes,
  keyPurposes,
  type MacPurpose,
  macPurposes,
  mayHash,
  type RootKeyRow,
  wrapContext,
} from '../key/key.ts'
import { type KeyState, requireTransition } from '../key/key-state.ts'
import { countWraps, notifyKeysChanged, saveKeys, saveManifest, saveRootKeys } from '../key/key-store.ts'
import { encodeManifest, KeyRegistryError, macOf, type RegistryRows } from '../key/registry-manifest.ts'
import { newVaultId, vaultOf } from '../key/vault-id.ts'
import type { RootKey, RootKeyRecord } from '../root-key/root-key.ts'
import { makePartitions } from '../sealing/key-partitions.ts'
import type { ReferencingTables } from '../sealing/referencing-tables.ts'
import type { SealContext } from '../sealing/seal-context.ts'
import { activateRootKey } from './activate-root-key.ts'
import { marksOfNewKey, newKeyBytes, newKeyRow, publicKeyOfBytes } from './new-key.ts'

export interface DraftOptions {
  now: () => Date
  newId: NewId
  /** What is stored under the keys. */
  referencing: Pick<ReferencingTables, 'hashed'>
}

/** Verified rows, and what the manifest remembers beside them. */
type DraftRows = RegistryRows & { vault: string; marks?: readonly string[]; handovers?: readonly Handover[] }

/**
 * The registry as it will be. Everything is decided on the verified rows in memory, and the new manifest is made from
 * them, so that a change of the tables in the meantime is not signed along with it.
 */
export class RegistryDraft {
  readonly changes: DraftChange[] = []
  readonly vault: string
  readonly #keys: Map<string, KeyRow>
  readonly #rootKeys: Map<string, RootKeyRow>
  readonly #changed = new Set<KeyRow | RootKeyRow>()
  readonly #options: DraftOptions
  readonly #marks: Set<string>
  readonly #handovers: readonly Handover[]
  /** The active MAC keys before any change. */
  readonly #formerMacKeys: ReadonlyMap<KeyPurpose, string>
  readonly #marksBefore: ReadonlySet<string>
  #rootKey: RootKey
  #wraps = 0

  private constructor(
    { vault, marks = [], handovers = [], ...rows }: DraftRows,
    rootKey: RootKey,
    options: DraftOptions,
  ) {
    this.vault = vault
    this.#marks = new Set(marks)
    this.#handovers = handovers
    this.#marksBefore = new Set(marks)
    this.#keys = new Map(rows.keys.map((row) => [row.id, { ...row }]))
    this.#rootKeys = new Map(rows.rootKeys.map((row) => [row.id, { ...row }]))
    this.#formerMacKeys = new Map(rows.keys.filter(isActive).map(({ purpose, id }) => [purpose, id]))
    this.#rootKey = rootKey
    this.#options = options
  }

  /** A draft over rows that were verified. */
  static of(rows: DraftRows, rootKey: RootKey, options: DraftOptions): RegistryDraft {
    return new RegistryDraft(rows, rootKey, options)
  }

  /** A draft for a vault that has no keys yet: it gets a random id, for which its root key may be made. */
  static first(rows: RegistryRows, rootKey: RootKey, options: DraftOptions): RegistryDraft {
    const vault = vaultOf(rootKey.record) ?? newVaultId()
    const draft = new RegistryDraft({ ...rows, vault }, rootKey, options)
    draft.#activateRootKey(rootKey.record)
    return draft
  }

  get rows(): readonly KeyRow[] {
    return [...this.#keys.values()]
  }

  get marks(): readonly string[] {
    return [...this.#marks]
  }

  /** Remembers that something was done, until it is forgotten on purpose. */
  mark(name: string): void {
    this.#marks.add(name)
  }

  /** Forgets a mark that another one replaces. */
  unmark(name: string): void {
    this.#marks.delete(name)
  }

  /** Whether the marks are others than the draft began with. */
  get hasOtherMarks(): boolean {
    return this.#marks.symmetricDifference(this.#marksBefore).size > 0
  }

  /**
   * Makes and wraps a pre-active key, and answers with its id.
   *
   * @param bytes are wiped; default: fresh ones
   */
  async create(purpose: KeyPurpose, bytes = newKeyBytes(purpose)): Promise<string> {
    const { newId, now } = this.#options
    const id = newId('key')
    const announcement = purpose === 'audit-signing' ? { public_key: publicKeyOfBytes(bytes) } : {}
    const wrapped = await this.#wrap(bytes, wrapContext(this.vault, { id, purpose }))
    const row = newKeyRow({ id, purpose, wrapped, root_key_id: this.#rootKey.record.id, created_at: now() })
    this.#keys.set(id, row)
    this.#changed.add(row)
    for (const name of marksOfNewKey({ id, purpose })) this.mark(name)
    this.changes.push({ type: 'key.create', subject: id, ...announcement })
    return id
  }

  /** @throws {KeyTransitionError} */
  transition(id: string, to: KeyState): void {
    const row = this.#require(id)
    requireTransition(id, row.state, to)
    const at = this.#options.now()
    if (to === 'active') {
      for (const before of this.#keys.values()) {
        if (before.purpose === row.purpose && before.state === 'active') this.transition(before.id, 'deactivated')
      }
      row.activated_at = at
      row.expires_at = expiryOf(row.purpose, at)
    }
    if (to === 'deactivated') row.deactivated_at = at
    if (to === 'compromised') row.compromised_at = at
    if (to === 'destroyed') {
      row.destroyed_at = at
      row.wrapped = null
    }
    row.state = to
    this.#changed.add(row)
    if (to !== 'pre-active') this.changes.push({ type: EVENT_OF[to], subject: id })
  }

  /**
   * Wraps every key that is still under another root key, which becomes the active one. The MAC keys are replaced with
   * it: a person who has the old root key and an old backup does not have them.
   */
  async rewrap(rootKey: RootKey): Promise<void> {
    for (const row of this.#keys.values()) {
      if (row.wrapped !== null) await this.#rewrapKey(row, rootKey)
    }
    this.#rootKey = rootKey
    this.#activateRootKey(rootKey.record)
    this.changes.push({ type: 'root-key.replace', subject: rootKey.record.id })
    await this.replaceMacKeys()
  }

  /** Puts a fresh key in the place of every MAC key that this draft has not replaced already. */
  async replaceMacKeys(): Promise<void> {
    for (const purpose of macPurposes) {
      if (this.#replacedMacKey(purpose) !== undefined) continue
      this.transition(await this.create(purpose), 'active')
    }
  }

  /** The key of that purpose before this draft and after it. Undefined if it is the same, or there was none. */
  async replacement(purpose: MacPurpose): Promise<{ former: MacKey; present: MacKey } | undefined> {
    const formerId = this.#replacedMacKey(purpose)
    if (formerId === undefined) return undefined
    return { former: await this.macKey(formerId), present: await this.macKey(this.#active(purpose).id) }
  }

  /** A MAC key of this draft, unwrapped. */
  async macKey(id: string): Promise<MacKey> {
    const { purpose, wrapped } = this.#require(id)
    if (wrapped === null) throw new KeyRegistryError(`${id} is destroyed.`)
    return {
      id,
      secret: keyOfBytes(purpose, await this.#rootKey.unwrap(wrapped, wrapContext(this.vault, { id, purpose }))),
    }
  }

  /** The key of that purpose that is active after this draft. */
  presentMacKey(purpose: MacPurpose): Promise<MacKey> {
    return this.macKey(this.#active(purpose).id)
  }

  /**
   * Writes what changed, and the manifest over all of it. Must run in the transaction that holds the registry's lock.
   *
   * @throws {KeyRegistryError} when a purpose would be left without its one active key
   */
  async save(tx: Queryable, generation: number): Promise<void> {
    for (const purpose of keyPurposes) this.#active(purpose)
    const macKey = await this.presentMacKey('registry-mac')
    const replaced = await this.replacement('registry-mac')
    this.#destroyFormerRegistryKeys()
    const rows = { keys: [...this.#keys.values()], rootKeys: [...this.#rootKeys.values()] }
    const isChanged = (row: KeyRow | RootKeyRow) => this.#changed.has(row)
    await saveRootKeys(tx, rows.rootKeys.filter(isChanged))
    const changed = rows.keys.filter(isChanged)
    await saveKeys(tx, changed)
    for (const { id } of changed.filter(mayHash)) await makePartitions(tx, this.#options.referencing, id)
    const rootKeyId = this.#rootKey.record.id
    const handovers = replaced ? [...this.#handovers, makeHandover(replaced)] : this.#handovers
    const manifest = encodeManifest(rows, {
      vault: this.vault,
      generation,
      rootKeyId,
      macKeyId: macKey.id,
      handovers,
      marks: this.marks,
    })
    await saveManifest(tx, { manifest, mac: macOf(macKey.secret, manifest) })
    if (this.#wraps > 0) await countWraps(tx, rootKeyId, this.#wraps)
    await notifyKeysChanged(tx)
  }

  /**
   * A replaced key of the manifest's MAC has nothing more to verify. A start knows no earlier state of a key: it would
   * accept a manifest that calls such a key the active one, if the present root key still opened it.
   */
  #destroyFormerRegistryKeys(): void {
    for (const { id, purpose, state } of this.rows) {
      const isFormer = state === 'deactivated' || state === 'compromised'
      if (purpose === 'registry-mac' && isFormer) this.transition(id, 'destroyed')
    }
  }

  /** @throws {KeyRegistryError} when it is not exactly one */
  #active(purpose: KeyPurpose): KeyRow {
    const [active, ...others] = this.rows.filter((row) => row.purpose === purpose && isActive(row))
    if (active === undefined || others.length > 0) {
      throw new KeyRegistryError(`there must be one active ${purpose} key.`)
    }
    return active
  }

  /** The id of the key that was active before. */
  #replacedMacKey(purpose: MacPurpose): string | undefined {
    const former = this.#formerMacKeys.get(purpose)
    return former !== undefined && this.#require(former).state !== 'active' ? former : undefined
  }

  #require(id: string): KeyRow {
    const row = this.#keys.get(id)
    if (row === undefined) throw new KeyRegistryError(`there is no key ${id}.`)
    return row
  }

  async #rewrapKey(row: KeyRow, rootKey: RootKey): Promise<void> {
    if (row.wrapped === null) return
    const bytes = await this.#rootKey.unwrap(row.wrapped, wrapContext(this.vault, row))
    row.wrapped = await wrapChecked(rootKey, bytes, wrapContext(this.vault, row))
    row.root_key_id = rootKey.record.id
    bytes.fill(0)
    this.#wraps++
    this.#changed.add(row)
  }

  async #wrap(bytes: Buffer, context: SealContext): Promise<Buffer> {
    const wrapped = await wrapChecked(this.#rootKey, bytes, context)
    bytes.fill(0)
    this.#wraps++
    return wrapped
  }

  #activateRootKey(record: RootKeyRecord): void {
    for (const row of activateRootKey([...this.#rootKeys.values()], record, this.#options.now())) {
      this.#rootKeys.set(row.id, row)
      this.#changed.add(row)
    }
  }
}

function isActive({ state }: KeyRow): boolean {
  return state === 'active'
}

/** Wraps, and checks that the same bytes come back: nothing is written under a root key that does not give them back. */
async function wrapChecked(rootKey: RootKey, bytes: Buffer, context: SealContext): Promise<Buffer> {
  const wrapped = await rootKey.wrap(bytes, context)
  const again = await rootKey.unwrap(wrapped, context)
  const same = again.length === bytes.length && timingSafeEqual(again, bytes)
  again.fill(0)
  if (!same) throw new KeyRegistryError('the root key does not give back what it wrapped: nothing was changed.')
  return wrapped
}
