import { createHmac, hash } from 'node:crypto'
import type { Hmac, SignedPart } from '../signer.ts'
import { sharedKeyOf } from './signing-key.ts'
import type { SignDeps, Signed, UnsignedRequest } from './unsigned-request.ts'

/** An HMAC over the final body, or over a fixed row of facts about the request of which the body is one. */
export function signHmac({ secretOf, now }: SignDeps, signer: Hmac, request: UnsignedRequest): Signed {
  const { secret, key_encoding, algorithm, header, encoding, prefix = '', over = ['body'], timestamp_header } = signer
  const timestamp = String(Math.floor(now().getTime() / 1000))
  const hmac = createHmac(algorithm, sharedKeyOf(secret, secretOf(secret), key_encoding))
  for (const part of over) hmac.update(bytesOf(part, request, timestamp))
  const signature: [string, string] = [header, `${prefix}${hmac.digest(encoding)}`]
  return { headers: timestamp_header === undefined ? [signature] : [[timestamp_header, timestamp], signature] }
}

function bytesOf(
  part: SignedPart,
  { method, origin, path, body }: UnsignedRequest,
  timestamp: string,
): string | Buffer {
  if (typeof part !== 'string') return part.text
  switch (part) {
    case 'method':
      return method
    case 'host':
      return new URL(origin).host
    case 'path':
      return path
    case 'timestamp':
      return timestamp
    case 'body':
      return body
    case 'body-sha256-hex':
      return hash('sha256', body, 'hex')
  }
}
