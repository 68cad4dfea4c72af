import { createPrivateKey, createSecretKey, type KeyObject } from 'node:crypto'
import type { Text } from '../signer.ts'
import { UnusableSecret } from '../unusable-secret.ts'

/** The text itself, or the secret that it names. */
export function textOf(secretOf: (name: string) => string, text: Text): string {
  return typeof text === 'string' ? text : secretOf(text.$secret)
}

/** A private key in PEM. @throws {UnusableSecret} */
export function privateKeyOf(name: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    // The error of OpenSSL says nothing that helps, and its cause is not kept: it may quote the key.
    throw new UnusableSecret(`the secret ${name} is not a private key in PEM.`)
  }
}

/** A shared key. @throws {UnusableSecret} */
export function sharedKeyOf(name: string, value: string, encoding: 'utf8' | 'hex' | 'base64' = 'utf8'): KeyObject {
  const bytes = Buffer.from(value, encoding)
  const isWhole = encoding === 'utf8' || isEncoded(value, encoding)
  if (!isWhole || bytes.length === 0) throw new UnusableSecret(`the secret ${name} is not a key in ${encoding}.`)
  return createSecretKey(bytes)
}

/** `Buffer.from` stops at the first character that it does not know. */
function isEncoded(value: string, encoding: 'hex' | 'base64'): boolean {
  return encoding === 'hex' ? /^([0-9a-fA-F]{2})+$/.test(value) : /^[A-Za-z0-9+/]+={0,2}$/.test(value)
}
