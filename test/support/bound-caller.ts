import type { Response } from 'supertest'
import { type CallerKey, type Changes, signProof } from './caller-keys.ts'
import { type CallOptions, ISSUER, type TestVault } from './test-vault.ts'

type Method = Parameters<TestVault['call']>[0]

/** Asks for a token that is bound to the key (RFC 9449 section 5). */
export async function requestBoundToken(
  vault: TestVault,
  client: { id: string; secret: string },
  key: CallerKey,
  changes: Changes = {},
): Promise<Response> {
  const purpose = { method: 'POST', url: `${ISSUER}/oauth/token` }
  return vault.call('POST', '/oauth/token', {
    text: 'grant_type=client_credentials',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`,
      DPoP: await signProof(key, purpose, new Date(Date.now() + vault.clockOffsetMs), changes),
    },
  })
}

/** Calls with a bound token and a proof for this very request, but for the changes. */
export async function callBound(
  vault: TestVault,
  method: Method,
  path: string,
  by: { token: string; key: CallerKey },
  options: Omit<CallOptions, 'token'> & { changes?: Changes; proof?: string } = {},
): Promise<Response> {
  const { changes, ...rest } = options
  const at = new Date(Date.now() + vault.clockOffsetMs)
  const purpose = { method, url: `${vault.url}${path}`, accessToken: by.token }
  const proof = options.proof ?? (await signProof(by.key, purpose, at, changes))
  const headers = { Authorization: `DPoP ${by.token}`, DPoP: proof, ...options.headers }
  return vault.call(method, path, { ...rest, headers })
}
