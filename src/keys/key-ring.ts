import { createPrivateKey, createSecretKey } from 'node:crypto'
import { type Key, type KeyPurpose, type KeyRow, wrapContext } from './key.ts'
import type { RootKey } from './root-key/root-key.ts'

/** The keys of the vault in memory. Immutable: a change is a new ring that replaces this one whole. */
export class KeyRing {
  readonly #byId: ReadonlyMap<string, Key>
  readonly #active: ReadonlyMap<KeyPurpose, Key>

  constructor(keys: readonly Key[]) {
    this.#byId = new Map(keys.map((key) => [key.id, key]))
    this.#active = new Map(keys.filter((key) => key.state === 'active').map((key) => [key.purpose, key]))
  }

  /** The key that seals or signs now. Keys in any other state never do. */
  active(purpose: KeyPurpose): Key {
    const key = this.#active.get(purpose)
    if (key === undefined) throw new Error(`there is no active ${purpose} key`)
    return key
  }

  /** The key of that id, for opening what it sealed. */
  find(id: string): Key | undefined {
    return this.#byId.get(id)
  }

  /** All keys of a purpose, the active one first. */
  all(purpose: KeyPurpose): Key[] {
    return [...this.#byId.values()]
      .filter((key) => key.purpose === purpose)
      .sort((a, b) => Number(b.state === 'active') - Number(a.state === 'active'))
  }

  /** Whether this ring shows the same keys in the same states as the rows do. */
  matches(rows: readonly Pick<KeyRow, 'id' | 'state'>[]): boolean {
    const usable = rows.filter((row) => row.state !== 'destroyed')
    return usable.length === this.#byId.size && usable.every((row) => this.#byId.get(row.id)?.state === row.state)
  }
}

/**
 * Unwraps the rows into a ring.
 *
 * @throws {SealError} when a row does not unwrap: another root key, or a row that was changed or swapped
 */
export async function unwrapKeyRing(rows: readonly KeyRow[], rootKey: RootKey): Promise<KeyRing> {
  const keys: Key[] = []
  for (const row of rows) {
    if (row.wrapped === null || row.state === 'destroyed') continue
    const bytes = await rootKey.unwrap(row.wrapped, wrapContext(row.id, row.purpose))
    const secret =
      row.purpose === 'token-signing'
        ? createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' })
        : createSecretKey(bytes)
    bytes.fill(0)
    keys.push({ id: row.id, purpose: row.purpose, state: row.state, secret })
  }
  return new KeyRing(keys)
}
