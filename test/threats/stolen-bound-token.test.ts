import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { callBound, requestBoundToken } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey, signProof } from '../support/caller-keys.ts'
import { createForge } from '../support/forged-token.ts'
import { expectProblem } from '../support/problems.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 33: an attacker has the access token of another caller, but not the key that it is bound to. */
let vault: TestVault
let owner: { token: string; key: CallerKey }
let thief: CallerKey
let path: string

beforeAll(async () => {
  vault = await TestVault.start()
  const key = await createCallerKey()
  thief = await createCallerKey()
  const client = await vault.client(['token:read', 'card:reveal'], { role: 'billing' })
  owner = { token: (await requestBoundToken(vault, client, key)).body.access_token, key }
  path = `/v1/tokens/${(await vault.tokenize({ card })).card!.token}/reveal`
})
afterEach(async () => {
  await vault.checkInvariants()
  expect(await vault.events({ type: 'record.reveal', outcome: 'success' })).toHaveLength(0)
})
afterAll(() => vault.stop())

const body = { purpose: 'process-payment' }
const refused = async (answer: ReturnType<TestVault['call']>) => expectProblem(await answer, 401, 'unauthenticated')

it('is refused as a bearer token', async () => {
  await refused(vault.call('POST', path, { token: owner.token, body }))
  await refused(vault.call('POST', path, { headers: { Authorization: `bearer ${owner.token}` }, body }))
})

it('is refused with a proof as a bearer token too', async () => {
  const purpose = { method: 'POST', url: `${vault.url}${path}`, accessToken: owner.token }
  const headers = { DPoP: await signProof(owner.key, purpose, new Date()) }
  await refused(vault.call('POST', path, { token: owner.token, body, headers }))
})

it('is refused with a proof of another key', async () => {
  await refused(callBound(vault, 'POST', path, { token: owner.token, key: thief }, { body }))
})

it('is refused with the name of the right key over the signature of another', async () => {
  await refused(callBound(vault, 'POST', path, owner, { body, changes: { signer: thief.privateKey } }))
})

it('is refused with a proof that its owner made for another token', async () => {
  const changes = { claims: { ath: Buffer.alloc(32, 7).toString('base64url') } }
  await refused(callBound(vault, 'POST', path, owner, { body, changes }))
})

it('cannot be unbound: without the vault’s signature there is no other confirmation', async () => {
  const [header, claims, signature] = owner.token.split('.') as [string, string, string]
  const { cnf: _cnf, ...unbound } = JSON.parse(Buffer.from(claims, 'base64url').toString())
  const forged = [header, Buffer.from(JSON.stringify(unbound)).toString('base64url'), signature].join('.')
  await refused(vault.call('POST', path, { token: forged, body }))
})

it('is refused if the vault cannot check its confirmation, even under the vault’s own signature', async () => {
  const forge = await createForge(vault)
  const both = { jkt: thief.thumbprint, 'x5t#S256': thief.thumbprint }
  for (const cnf of [{}, { kid: 'x' }, { jwk: thief.jwk }, both, { jkt: 'short' }, { jkt: 1 }, null, 'jkt']) {
    const token = forge.sign(forge.header(), forge.claims({ cnf, scope: 'card:reveal', role: 'billing' }))
    await refused(vault.call('POST', path, { token, body }))
    await refused(callBound(vault, 'POST', path, { token, key: thief }, { body }))
  }
})
