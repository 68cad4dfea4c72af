import type { KeyObject } from 'node:crypto'
import { VaultError } from '../../values/vault-error.ts'
import type { RootKey } from '../root-key/root-key.ts'
import { type Key, type KeyPurpose, type KeyRow, keyOfBytes, wrapContext } from './key.ts'

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
    if (key === undefined) throw new VaultError(`there is no active ${purpose} key`)
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
}

/**
 * Makes a ring of rows that were verified. Keys in `known` are not unwrapped again, because the bytes of a key never
 * change and the root key may be unavailable.
 *
 * @throws {SealError} when a row does not unwrap
 */
export async function unwrapKeyRing(
  { keys: rows, vault }: { keys: readonly KeyRow[]; vault: string },
  openRootKey: () => Promise<RootKey>,
  known?: KeyRing,
): Promise<KeyRing> {
  const keys: Key[] = []
  for (const { id, purpose, state, wrapped, expires_at: expiresAt } of rows) {
    if (wrapped === null) continue
    const secret = known?.find(id)?.secret ?? (await unwrap(vault, { id, purpose, wrapped }, await openRootKey()))
    keys.push({ id, purpose, state, secret, expiresAt })
  }
  return new KeyRing(keys)
}

async function unwrap(
  vault: string,
  { id, purpose, wrapped }: Pick<KeyRow, 'id' | 'purpose'> & { wrapped: Buffer },
  rootKey: RootKey,
): Promise<KeyObject> {
  return keyOfBytes(purpose, await rootKey.unwrap(wrapped, wrapContext(vault, { id, purpose })))
}
