import type { Signer } from '../signer.ts'
import { signHmac } from './sign-hmac.ts'
import { signJwt } from './sign-jwt.ts'
import { signMessage } from './sign-message.ts'
import { textOf } from './signing-key.ts'
import type { SignDeps, Signed, UnsignedRequest } from './unsigned-request.ts'

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
