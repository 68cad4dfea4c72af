import { createHash } from 'node:crypto'
import type { PeerCertificate } from '../http/route.ts'

/** Client certificates, RFC 8705. TLS has proved that the peer holds the private key; who it is is decided here. */

/** RFC 8705 section 3.1: SHA-256 over the certificate in DER, base64url. */
export function certificateThumbprint({ der }: Pick<PeerCertificate, 'der'>): string {
  return createHash('sha256').update(der).digest('base64url')
}

/** Whether the connection was made with the certificate that a token is bound to. */
export function isCertificate(certificate: PeerCertificate | undefined, thumbprint: string | undefined): boolean {
  return certificate !== undefined && certificateThumbprint(certificate) === thumbprint
}
