import { createHmac, timingSafeEqual } from 'node:crypto'
import { base32, bytesOfBase32 } from '../identifier.ts'
import type { Key, KeyState, MacPurpose } from './key.ts'
import type { KeyRing } from './key-ring.ts'

const PREFIX = 'key_'
const KEY_ID_BYTES = 16
const MAC_BYTES = KEY_ID_BYTES + 32

/** Only what the present key has made counts: a former one may be in an old backup, with the passphrase of its time. */
const PRESENT: readonly KeyState[] = ['active']

/**
 * Authenticates what only the vault may write. A MAC as it is stored is 48 bytes: the 16 of its key's id, then
 * HMAC-SHA-256 over the domain, a NUL and the text. The domain tells apart what is written under one key.
 */
export interface Macs {
  /** @throws {Problem} sealed */
  make(purpose: MacPurpose, domain: string, text: string): Buffer
  /**
   * Whether the vault made it, under a key in one of these states; `active` alone when they are left out. A key that is not
   * known here yet is looked up in the registry first.
   *
   * @throws {Problem} sealed, database-unavailable
   */
  verify(
    purpose: MacPurpose,
    domain: string,
    text: string,
    mac: Uint8Array | null,
    states?: readonly KeyState[],
  ): Promise<boolean>
}

/** @param refresh reads the registry once more */
export function createMacs(current: { readonly ring: KeyRing; refresh: () => Promise<void> }): Macs {
  const idBytes = new WeakMap<Key, Buffer>()

  async function keyNamed(mac: Uint8Array): Promise<Key | undefined> {
    const id = keyIdOf(mac)
    const known = current.ring.find(id)
    // Another server may have promoted it just now.
    if (known === undefined || known.state === 'pre-active') await current.refresh()
    return current.ring.find(id)
  }

  /** Read once for each key: there is a MAC for every event. */
  function idBytesOf(key: Key): Buffer {
    const known = idBytes.get(key)
    if (known !== undefined) return known
    const read = bytesOfBase32(key.id.slice(PREFIX.length))
    if (read?.length !== KEY_ID_BYTES) throw new Error('the id of a MAC key must be 16 bytes')
    idBytes.set(key, read)
    return read
  }

  return {
    make(purpose, domain, text) {
      const key = current.ring.active(purpose)
      return Buffer.concat([idBytesOf(key), hmac(key, domain, text)])
    },
    async verify(purpose, domain, text, mac, states = PRESENT) {
      if (mac?.length !== MAC_BYTES) return false
      const key = await keyNamed(mac)
      if (key?.purpose !== purpose || !states.includes(key.state)) return false
      return timingSafeEqual(mac.subarray(KEY_ID_BYTES), hmac(key, domain, text))
    },
  }
}

/** The id of the key that made a stored MAC, as the MAC claims it. */
export function keyIdOf(mac: Uint8Array): string {
  return `${PREFIX}${base32(mac.subarray(0, KEY_ID_BYTES))}`
}

function hmac(key: Key, domain: string, text: string): Buffer {
  return createHmac('sha256', key.secret).update(`${domain}\0`).update(text).digest()
}
