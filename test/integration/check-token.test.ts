import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { RoleFile } from '../../src/access/policy/role-set.ts'
import type { Json } from '../support/forge-token.ts'
import { PlainProvider } from '../support/plain-provider.ts'
import { roleFile } from '../support/role-files.ts'
import { TestVault } from '../support/test-vault.ts'

/** The answers of `issuers check` that depend on the database. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let provider: PlainProvider
let directory: string
let vault: TestVault

beforeAll(async () => {
  provider = await PlainProvider.start()
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-check-'))
  const issuersFile = path.join(directory, 'issuers.json')
  const mappings = [{ claim: 'groups', value: 'payments', role: 'billing', purposes: ['process-payment'] }]
  const corp = { name: 'corp', issuer: provider.url, audience: 'vault', ca_file: provider.caFile, mappings }
  writeFileSync(issuersFile, JSON.stringify([corp]))
  vault = await TestVault.start({ config: { access: { issuersFile } } })
})
afterEach(async () => {
  await apply(roleFile({}))
  await vault.checkInvariants()
})
afterAll(async () => {
  await vault.stop()
  await provider.stop()
  rmSync(directory, { recursive: true })
})

const apply = (file: RoleFile) => vault.commands.applyRoles(OPERATOR, file)

async function check(changes: Json = {}) {
  const now = Math.floor((Date.now() + vault.clockOffsetMs) / 1000)
  const claims = { iss: provider.url, aud: 'vault', sub: 'ann', client_id: 'console', jti: '1', groups: ['payments'] }
  const token = provider.sign(
    { alg: 'RS256', typ: 'at+jwt', kid: 'one' },
    { ...claims, iat: now, exp: now + 300, ...changes },
  )
  const report = await vault.commands.checkToken(token)
  const failed = report.rules.filter(({ passed }) => !passed)
  // The check and a request say the same.
  const answer = await vault.call('GET', `/v1/tokens/card_${'0'.repeat(26)}`, { token })
  const isRead = report.scopes.includes('token:read')
  if (report.bound === null)
    expect(answer.body.code).toBe(isRead ? 'record-not-found' : (report.code ?? 'scope-missing'))
  return { ...report, failed }
}

it('a good token: the scopes of the role as it is now, and the purposes that mapping and role share', async () => {
  expect(await check()).toMatchObject({
    accepted: true,
    code: null,
    failed: [],
    caller: 'staff:corp/ann',
    role: 'billing',
    purposes: ['process-payment'],
    bound: null,
  })
  expect(await check({ scope: 'address:reveal' })).toMatchObject({ accepted: true, scopes: ['address:reveal'] })
  expect(await check({ cnf: { jkt: 'A'.repeat(43) } })).toMatchObject({ accepted: true, bound: 'dpop' })
})

it('a role that is not in force', async () => {
  await apply(roleFile({ billing: undefined }))
  const failed = [{ rule: 'standing', passed: false, demand: 'the role billing is in force' }]
  expect(await check()).toMatchObject({ accepted: false, code: 'unauthenticated', failed, role: null })
})

it('scopes of which the role has none', async () => {
  await apply(roleFile({ billing: { scopes: ['token:read'], grants: [] } }))
  expect(await check({ scope: 'address:reveal' })).toMatchObject({
    accepted: false,
    code: 'scope-missing',
    scopes: [],
    caller: 'staff:corp/ann',
    failed: [{ rule: 'scopes', passed: false }],
  })
})

it('keeps nothing of the token', async () => {
  const secret = 'SECRET'.repeat(10)
  const report = await check({ email: secret, aud: secret, scope: secret, groups: [secret] })
  expect(JSON.stringify(report)).not.toContain('SECRET')
  expect(vault.logLines.join('')).not.toContain('SECRET')
})
