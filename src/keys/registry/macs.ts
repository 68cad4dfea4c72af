import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Queryable } from '../../database/database.ts'
import { base32, bytesOfBase32 } from '../../values/identifier.ts'
import { Problem } from '../../values/problem.ts'
import type { MacKey } from '../key/handover.ts'
import type { Key, KeyRow, KeyState, MacPurpose } from '../key/key.ts'
import type { KeyRing } from '../key/key-ring.ts'
import { findActiveKey, shareRegistry } from '../key/key-store.ts'
import { requireWellFormed } from '../sealing/encode-fields.ts'

const PREFIX = 'key_'
const KEY_ID_BYTES = 16
const MAC_BYTES = KEY_ID_BYTES + 32

/** Only MACs of the present key count: a former key may be in an old backup, with the passphrase of its time. */
const PRESENT: readonly KeyState[] = ['active']

/** A row may be read just before its MAC is made again under another key. */
const READ_WITHIN_MS = 15_000

/**
 * Authenticates what only the vault may write. A MAC as it is stored is 48 bytes: the 16 of its key's id, then
 * HMAC-SHA-256 over the domain, a NUL and the text. The domain separates the uses of one key.
 */
export interface Macs {
  /** @throws {Problem} sealed */
  make(purpose: MacPurpose, domain: string, text: string): Buffer
  /**
   * Keeps the MAC keys from being replaced until the transaction ends, so that what is made in it is under the key that is in
   * force when it commits. Must be asked before the transaction locks anything else.
   *
   * @throws {Problem} sealed, database-unavailable
   */
  hold(tx: Queryable, purpose: MacPurpose): Promise<void>
  /**
   * Whether the vault made it, under a key in one of these states; `active` alone when they are left out. A key that is not
   * known here yet is looked up in the registry first.
   *
   * @throws {Problem} sealed, database-unavailable; busy, when the key was replaced a moment ago and the row must be read again
   */
  verify(
    purpose: MacPurpose,
    domain: string,
    text: string,
    mac: Uint8Array | null,
    states?: readonly KeyState[],
  ): Promise<boolean>
}

export interface MacsDeps {
  current: {
    readonly ring: KeyRing
    readonly verified: { readonly keys: readonly KeyRow[] }
    /** Reads the registry once more. */
    refresh: () => Promise<void>
  }
  now: () => Date
}

export function createMacs({ current, now }: MacsDeps): Macs {
  async function keyNamed(mac: Uint8Array): Promise<Key | undefined> {
    const id = keyIdOf(mac)
    const known = current.ring.find(id)
    // Another server may have promoted it just now.
    if (known === undefined || known.state === 'pre-active') await current.refresh()
    return current.ring.find(id)
  }

  function wasReplacedJustNow({ id }: Key): boolean {
    const row = current.verified.keys.find((key) => key.id === id)
    const ended = row?.compromised_at ?? row?.deactivated_at
    return ended != null && Math.abs(now().getTime() - ended.getTime()) < READ_WITHIN_MS
  }

  return {
    make: (purpose, domain, text) => makeMac(current.ring.active(purpose), domain, text),
    async hold(tx, purpose) {
      await shareRegistry(tx)
      if ((await findActiveKey(tx, purpose)) !== current.ring.active(purpose).id) await current.refresh()
    },
    async verify(purpose, domain, text, mac, states = PRESENT) {
      if (mac?.length !== MAC_BYTES) return false
      const key = await keyNamed(mac)
      if (key?.purpose !== purpose || !isMacOf(key, domain, text, mac)) return false
      if (states.includes(key.state)) return true
      if (states === PRESENT && wasReplacedJustNow(key)) throw new Problem('busy', { retryAfterSeconds: 1 })
      return false
    },
  }
}

/** The id of the key that made a stored MAC, as the MAC names it. */
export function keyIdOf(mac: Uint8Array): string {
  return `${PREFIX}${base32(mac.subarray(0, KEY_ID_BYTES))}`
}

/** A MAC under that key, as it is stored. */
export function makeMac(key: MacKey, domain: string, text: string): Buffer {
  const mac = Buffer.allocUnsafe(MAC_BYTES)
  mac.set(idBytesOf(key))
  mac.set(hmacOf(key, domain, text), KEY_ID_BYTES)
  return mac
}

/** Every event has a MAC: the bytes of its key's id are read once. */
const idBytes = new WeakMap<MacKey, Uint8Array>()

function idBytesOf(key: MacKey): Uint8Array {
  const known = idBytes.get(key)
  if (known !== undefined) return known
  const id = bytesOfBase32(key.id.slice(PREFIX.length))
  if (id?.length !== KEY_ID_BYTES) throw new Error('the id of a MAC key must be 16 bytes')
  idBytes.set(key, id)
  return id
}

/** Whether that key made the stored MAC. */
export function isMacOf(key: MacKey, domain: string, text: string, mac: Uint8Array | null): boolean {
  if (mac?.length !== MAC_BYTES || keyIdOf(mac) !== key.id) return false
  return timingSafeEqual(mac.subarray(KEY_ID_BYTES), hmacOf(key, domain, text))
}

/** HMAC-SHA-256 over the domain, a NUL and the text, 32 bytes. */
export function hmacOf({ secret }: Pick<MacKey, 'secret'>, domain: string, text: string): Buffer {
  requireWellFormed(text)
  return createHmac('sha256', secret).update(`${domain}\0${text}`).digest()
}
