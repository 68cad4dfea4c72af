import { createHash, createPublicKey, verify } from 'node:crypto'
import type { ReceivedRequest } from './processor.ts'
import type { TestVault } from './test-vault.ts'

/** Verifies a notice as a receiver does, who knows the directory of the vault and nothing else of it. */
export async function isSignedBy(
  vault: TestVault,
  origin: string,
  { method, url, headers, body }: ReceivedRequest,
): Promise<boolean> {
  const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`
  if (headers['content-digest'] !== digest) return false
  const [, params] = /^sig1=(.*)$/.exec(String(headers['signature-input']))!
  const [, keyid] = /;keyid="([^"]+)"/.exec(params!)!
  const directory = await vault.call('GET', '/.well-known/http-message-signatures-directory')
  const { keys } = (Buffer.isBuffer(directory.body) ? JSON.parse(directory.body.toString('utf8')) : directory.body) as {
    keys: { kid: string; kty: string; crv: string; x: string }[]
  }
  const jwk = keys.find(({ kid }) => kid === keyid)!
  const base = [
    `"@method": ${method}`,
    `"@target-uri": ${origin}${url}`,
    `"content-digest": ${digest}`,
    `"content-type": ${headers['content-type']}`,
    `"@signature-params": ${params}`,
  ].join('\n')
  const [, signature] = /^sig1=:(.*):$/.exec(String(headers.signature))!
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  return verify(null, Buffer.from(base), key, Buffer.from(signature!, 'base64'))
}
