import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import { rawPublicKey } from '../audit/note.ts'
import type { Queryable } from '../database/database.ts'
import type { NewId } from '../identifier.ts'
import type { RandomBytes } from '../random-bytes.ts'
import { boundRowsMark } from './bound-rows-mark.ts'
import { expiryOf } from './cryptoperiod.ts'
import { type KeyPurpose, type KeyRow, keyPurposes, MAC_KEY_CONTEXT, type RootKeyRow, wrapContext } from './key.ts'
import { type KeyState, requireTransition } from './key-state.ts'
import { countWraps, notifyKeysChanged, saveKeys, saveManifest, saveRootKeys } from './key-store.ts'
import { encodeManifest, KeyRegistryError, macOf, type RegistryRows } from './registry-manifest.ts'
import type { RootKey, RootKeyRecord } from './root-key/root-key.ts'
import type { SealContext } from './seal.ts'
import { termMacsMark } from './term-marks.ts'

/** The key of the manifest's MAC, and how it stands in the database. */
export interface MacKey {
  secret: KeyObject
  wrapped: Buffer
}

export interface DraftOptions {
  randomBytes: RandomBytes
  now: () => Date
  newId: NewId
}

export type DraftChange =
  /** With what verifies the signatures of a key of the audit log. */
  | { type: 'key.create'; subject: string; public_key?: string }
  | { type: 'key.promote' | 'key.deactivate' | 'key.compromise' | 'key.destroy'; subject: string }
  | { type: 'root-key.replace'; subject: string }

/** Verified rows, and what the manifest remembers beside them. */
type DraftRows = RegistryRows & { marks?: readonly string[] }

const EVENT_OF = {
  active: 'key.promote',
  deactivated: 'key.deactivate',
  compromised: 'key.compromise',
  destroyed: 'key.destroy',
} as const

/**
 * The registry as it will be. Everything is decided on the verified rows in memory, and the new manifest is made of them:
 * what somebody changes in the tables meanwhile is not signed along with it.
 */
export class RegistryDraft {
  readonly changes: DraftChange[] = []
  readonly #keys: Map<string, KeyRow>
  readonly #rootKeys: Map<string, RootKeyRow>
  readonly #changed = new Set<KeyRow | RootKeyRow>()
  readonly #options: DraftOptions
  readonly #marks: Set<string>
  #rootKey: RootKey
  #macKey: MacKey
  #wraps = 0

  private constructor({ marks = [], ...rows }: DraftRows, rootKey: RootKey, macKey: MacKey, options: DraftOptions) {
    this.#marks = new Set(marks)
    this.#keys = new Map(rows.keys.map((row) => [row.id, { ...row }]))
    this.#rootKeys = new Map(rows.rootKeys.map((row) => [row.id, { ...row }]))
    this.#rootKey = rootKey
    this.#macKey = macKey
    this.#options = options
  }

  /** A draft over rows that were verified. */
  static of(rows: DraftRows, rootKey: RootKey, macKey: MacKey, options: DraftOptions): RegistryDraft {
    return new RegistryDraft(rows, rootKey, macKey, options)
  }

  /** A draft for a vault that has no manifest yet, with a fresh key for it. */
  static async first(rows: RegistryRows, rootKey: RootKey, options: DraftOptions): Promise<RegistryDraft> {
    const bytes = options.randomBytes(32)
    const macKey = { secret: createSecretKey(bytes), wrapped: await wrapChecked(rootKey, bytes, MAC_KEY_CONTEXT) }
    bytes.fill(0)
    const draft = new RegistryDraft(rows, rootKey, macKey, options)
    draft.#wraps = 1
    draft.#activateRootKey(rootKey.record)
    return draft
  }

  get rows(): readonly KeyRow[] {
    return [...this.#keys.values()]
  }

  get marks(): readonly string[] {
    return [...this.#marks]
  }

  /** Remembers that something was done, for as long as there is a registry. */
  mark(name: string): void {
    this.#marks.add(name)
  }

  /** Makes and wraps a pre-active key, and answers with its id. */
  async create(purpose: KeyPurpose): Promise<string> {
    const { newId, now, randomBytes } = this.#options
    const id = newId('key')
    const bytes = newKeyBytes(purpose, randomBytes)
    const announcement = purpose === 'audit-signing' ? { public_key: publicKeyOf(bytes) } : {}
    const row: KeyRow = {
      id,
      purpose,
      state: 'pre-active',
      root_key_id: this.#rootKey.record.id,
      wrapped: await this.#wrap(bytes, wrapContext(id, purpose)),
      created_at: now(),
      activated_at: null,
      deactivated_at: null,
      compromised_at: null,
      destroyed_at: null,
      expires_at: null,
      uses: 0,
      uses_reserved: 0,
    }
    this.#keys.set(id, row)
    this.#changed.add(row)
    if (purpose === 'index') this.mark(termMacsMark(id))
    if (purpose === 'display' || purpose === 'secret') this.mark(boundRowsMark(id))
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
   * Wraps every key that is left, and the MAC's, under another root key, which becomes the active one. The MAC key itself
   * stays: servers that have it go on verifying without the new root key.
   */
  async rewrap(rootKey: RootKey): Promise<void> {
    for (const row of this.#keys.values()) {
      if (row.wrapped !== null) await this.#rewrapKey(row, rootKey)
    }
    const bytes = this.#macKey.secret.export()
    this.#macKey = { ...this.#macKey, wrapped: await wrapChecked(rootKey, bytes, MAC_KEY_CONTEXT) }
    bytes.fill(0)
    this.#wraps++
    this.#rootKey = rootKey
    this.#activateRootKey(rootKey.record)
    this.changes.push({ type: 'root-key.replace', subject: rootKey.record.id })
  }

  /** What a registry from before there was a manifest lacks: wraps that say so, and when each key expires. */
  async adopt(contextVersion: number): Promise<void> {
    for (const row of this.#keys.values()) {
      if (row.wrapped === null) continue
      if (row.activated_at !== null) row.expires_at = expiryOf(row.purpose, row.activated_at)
      await this.#rewrapKey(row, this.#rootKey, contextVersion)
    }
  }

  /**
   * Writes what changed, and the manifest over all of it. Must run in the transaction that holds the registry's lock.
   *
   * @throws {KeyRegistryError} when a purpose would be left without its one active key
   */
  async save(tx: Queryable, generation: number): Promise<void> {
    for (const purpose of keyPurposes) {
      const active = this.rows.filter((row) => row.purpose === purpose && row.state === 'active')
      if (active.length !== 1) throw new KeyRegistryError(`there must be one active ${purpose} key.`)
    }
    const rows = { keys: [...this.#keys.values()], rootKeys: [...this.#rootKeys.values()] }
    await saveRootKeys(
      tx,
      rows.rootKeys.filter((row) => this.#changed.has(row)),
    )
    await saveKeys(
      tx,
      rows.keys.filter((row) => this.#changed.has(row)),
    )
    const rootKeyId = this.#rootKey.record.id
    const { secret, wrapped } = this.#macKey
    const manifest = encodeManifest(rows, { generation, rootKeyId, wrappedMacKey: wrapped, marks: this.marks })
    await saveManifest(tx, { manifest, wrapped, mac: macOf(secret, manifest) })
    if (this.#wraps > 0) await countWraps(tx, rootKeyId, this.#wraps)
    await notifyKeysChanged(tx)
  }

  #require(id: string): KeyRow {
    const row = this.#keys.get(id)
    if (row === undefined) throw new KeyRegistryError(`there is no key ${id}.`)
    return row
  }

  async #rewrapKey(row: KeyRow, rootKey: RootKey, contextVersion?: number): Promise<void> {
    if (row.wrapped === null) return
    const bytes = await this.#rootKey.unwrap(row.wrapped, wrapContext(row.id, row.purpose, contextVersion))
    row.wrapped = await wrapChecked(rootKey, bytes, wrapContext(row.id, row.purpose))
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

  #activateRootKey({ id, provider, parameters }: RootKeyRecord): void {
    const at = this.#options.now()
    for (const row of this.#rootKeys.values()) {
      if (row.id === id || row.state !== 'active') continue
      this.#changed.add(Object.assign(row, { state: 'deactivated', deactivated_at: at }))
    }
    const existing = this.#rootKeys.get(id)
    const activatedAt = existing?.created_at ?? at
    const row: RootKeyRow = {
      id,
      provider,
      parameters,
      state: 'active',
      created_at: activatedAt,
      activated_at: activatedAt,
      deactivated_at: null,
      expires_at: expiryOf('root', activatedAt),
      uses: existing?.uses ?? 0,
    }
    this.#rootKeys.set(id, row)
    this.#changed.add(row)
  }
}

/** Wraps, and sees that it unwraps again to the same: nothing is ever written under a key that does not give it back. */
async function wrapChecked(rootKey: RootKey, bytes: Buffer, context: SealContext): Promise<Buffer> {
  const wrapped = await rootKey.wrap(bytes, context)
  const again = await rootKey.unwrap(wrapped, context)
  const same = again.length === bytes.length && timingSafeEqual(again, bytes)
  again.fill(0)
  if (!same) throw new KeyRegistryError('the root key does not give back what it wrapped: nothing was changed.')
  return wrapped
}

function newKeyBytes(purpose: KeyPurpose, randomBytes: RandomBytes): Buffer {
  if (purpose === 'token-signing') {
    return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'der', type: 'pkcs8' })
  }
  if (purpose === 'audit-signing') {
    return generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
  }
  return randomBytes(32)
}

/** The raw public key of an Ed25519 key, in base64. */
function publicKeyOf(pkcs8: Buffer): string {
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  return rawPublicKey(createPublicKey(key)).toString('base64')
}
