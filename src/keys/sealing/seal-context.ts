import type { KeyObject } from 'node:crypto'
import { VaultError } from '../../values/vault-error.ts'
import { encodeFields } from './encode-fields.ts'

/** A 256-bit key together with its name. */
export interface SealingKey {
  readonly id: string
  readonly secret: KeyObject
}

/** A sealed value as it is in the database: which key, and the bytes. */
export interface Sealed {
  keyId: string
  bytes: Buffer
}

/** What a sealed value is bound to. All of it must be the same when it is opened. */
export interface SealContext {
  site: string
  kind: string
  token: string
  part: string
  version: number
  /** The digest of the other facts of the row. It must be the same too, unless the value was sealed without one. */
  facts?: string | undefined
}

/**
 * A context as bytes: its members, each after its length, between further texts. Everything that is bound to a context,
 * here or by a provider of root keys, is bound to these bytes.
 *
 * @throws {TypeError | RangeError} as `encodeFields`
 */
export function encodeContext(
  { site, kind, token, part, version }: SealContext,
  before: readonly string[] = [],
  after: readonly string[] = [],
): Buffer {
  return encodeFields(2, [...before, site, kind, token, part, String(version), ...after])
}

/** A sealed value did not open: it was changed, moved, or sealed under another key. Holds no data. */
export class SealError extends VaultError {
  override readonly name = 'SealError'
}
