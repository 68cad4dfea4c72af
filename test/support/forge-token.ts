import { createHmac, type KeyObject, sign } from 'node:crypto'

export type Json = Record<string, unknown>

/** How a forger signs; `ES256` is what the vault itself does. */
export type Signer = (input: string) => Buffer

export const es256 =
  (key: KeyObject): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })

export const rs256 =
  (key: KeyObject): Signer =>
  (input) =>
    sign('sha256', Buffer.from(input), key)

export const hs256 =
  (secret: string | Buffer): Signer =>
  (input) =>
    createHmac('sha256', secret).update(input).digest()

export const unsigned: Signer = () => Buffer.alloc(0)

/** A compact JWS made by hand, with any content. `undefined` leaves a member out. */
export function forgeToken(header: Json, claims: unknown, signer: Signer): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${part(header)}.${part(claims)}`
  return `${input}.${signer(input).toString('base64url')}`
}
