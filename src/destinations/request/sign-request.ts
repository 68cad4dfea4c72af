import type { NewId } from '../../values/identifier.ts'
import type { Signer } from '../signer.ts'
import { signHmac } from './sign-hmac.ts'
import { signJwt } from './sign-jwt.ts'
import { signMessage } from './sign-message.ts'
import { textOf } from './signing-key.ts'

export interface SignDeps {
  /** The value of a secret that the destination names. */
  secretOf(name: string): string
  /**
   * Signs with the vault's own key, whose public half it publishes. The bytes name the key.
   *
   * @throws {Problem} sealed, key-expired
   */
  signMessage(message: (keyid: string) => Uint8Array): Promise<{ keyid: string; signature: Buffer }>
  now: () => Date
  newId: NewId
}

/** A request but for what signs it. */
export interface UnsignedRequest {
  method: string
  origin: string
  path: string
  headers: readonly (readonly [string, string])[]
  body: Buffer
}

/** What a signer adds. */
export interface Signed {
  headers?: readonly (readonly [string, string])[]
  certificate?: { cert: string; key: string }
  /** What must not come back in an answer, beside the secrets themselves. */
  credentials?: readonly string[]
}

/** What one signer adds to a request. @throws {UnusableSecret} for a key that is not of the form that the signer needs */
export async function signRequest(deps: SignDeps, signer: Signer, request: UnsignedRequest): Promise<Signed> {
  const { secretOf } = deps
  switch (signer.with) {
    case 'basic': {
      const { username, password = '' } = signer
      const credentials = Buffer.from(`${textOf(secretOf, username)}:${textOf(secretOf, password)}`, 'utf8').toString(
        'base64',
      )
      return { headers: [['Authorization', `Basic ${credentials}`]], credentials: [credentials] }
    }
    case 'bearer':
      return { headers: [['Authorization', `Bearer ${secretOf(signer.secret)}`]] }
    case 'header':
      return { headers: [[signer.header, `${signer.prefix ?? ''}${secretOf(signer.secret)}`]] }
    case 'hmac':
      return signHmac(deps, signer, request)
    case 'message-signature':
      return signMessage(deps, signer, request)
    case 'jwt':
      return signJwt(deps, signer, request)
    case 'mutual-tls':
      return { certificate: { cert: secretOf(signer.certificate), key: secretOf(signer.key) } }
  }
}
