import { sign } from 'node:crypto'
import canonicalize from 'canonicalize'
import { publicKeyOf } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'

/** A statement of the vault that others can verify. */
export interface SignedStatement {
  /** RFC 7515 compact JWS over the statement in its canonical form (RFC 8785), EdDSA (RFC 8037). */
  certificate: string
  /** What verifies it, in PEM: the public key of the certificate-signing key that the header names. */
  public_key: string
}

/** Signs a statement; `typ` says which sort it is. @throws {Problem} as `Keys.active` */
export function signStatement(keys: Pick<Keys, 'active'>, typ: string, statement: object): SignedStatement {
  const key = keys.active('certificate-signing')
  const header = { alg: 'EdDSA', kid: key.id, typ }
  const input = [header, statement].map((part) => Buffer.from(canonicalize(part) ?? '').toString('base64url')).join('.')
  return {
    certificate: `${input}.${sign(null, Buffer.from(input), key.secret).toString('base64url')}`,
    public_key: publicKeyOf(key),
  }
}
