import { createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { TlsOptions } from './tls.ts'

const SECRET_BYTES = 32
/** A name, and keys for AES-128-CBC and HMAC-SHA-256, of 16 bytes each: what Node's `setTicketKeys` takes. */
const KEY_BYTES = 48
const EVERY_MS = 60 * 60 * 1000

/**
 * The secret from which the keys of session tickets are derived, in all processes that share a port. In TLS 1.2 a
 * ticket holds the secrets of its session: with the key of the tickets every connection on which they were sent can be
 * read, forward secrecy or not (RFC 9325 section 7.4 wants such keys changed often). So the secret is a new one every
 * hour, is in memory only, and the old one is wiped.
 */
export interface TicketSecret {
  /** Of 32 bytes. */
  readonly bytes: Uint8Array
  /** Continues with another secret, which must not be shared with anything else. */
  replace(bytes: Uint8Array): void
  /** Calls back after each replacement. Returns a function that ends it. */
  onReplace(listener: () => void): () => void
}

export function createTicketSecret(): TicketSecret {
  const listeners = new Set<() => void>()
  let secret: Uint8Array = randomBytes(SECRET_BYTES)
  return {
    get bytes() {
      return secret
    },
    replace(bytes) {
      const former = secret
      secret = Uint8Array.from(bytes)
      for (const listener of listeners) listener()
      former.fill(0)
    },
    onReplace(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** Draws a new secret every hour. Returns a function that ends it. */
export function replaceHourly(secret: TicketSecret): () => void {
  const timer = setInterval(() => secret.replace(randomBytes(SECRET_BYTES)), EVERY_MS).unref()
  return () => clearInterval(timer)
}

/**
 * The key of the tickets of one listener under its present certificates. Under others it is another: a session is not resumed
 * past the list that revokes its client's authority.
 */
export function ticketKeysOf({ bytes }: TicketSecret, listener: string, { cert, ca, crl }: TlsOptions): Buffer {
  const place = createHash('sha256')
    .update(JSON.stringify([listener, cert, ca, crl]))
    .digest()
  return Buffer.from(hkdfSync('sha256', bytes, Buffer.alloc(0), place, KEY_BYTES))
}
