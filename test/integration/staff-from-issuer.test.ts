import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import type { RoleFile } from '../../src/access/policy/role-set.ts'
import { builtInRoles } from '../../src/access/policy/roles.ts'
import { callBound } from '../support/bound-caller.ts'
import { createCallerKey } from '../support/caller-keys.ts'
import { AUDIENCE, createProviderKey, IdentityProvider } from '../support/identity-provider.ts'
import { expectProblem } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { card, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let provider: IdentityProvider
let directory: string
let issuersFile: string
let vault: TestVault

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-issuers-'))
  provider = await IdentityProvider.start()
  provider.groups.set('ann', ['everybody', 'billing-team'])
  provider.groups.set('bob', ['warehouse'])
  provider.groups.set('eve', 'billing-team')
  provider.groups.set('joe', ['canteen'])
  issuersFile = path.join(directory, 'issuers.json')
  const mappings = [
    { claim: 'groups', value: 'billing-team', role: 'billing' },
    { claim: 'groups', value: 'warehouse', role: 'fulfilment', site: 'berlin', purposes: ['provide-goods'] },
  ]
  const corp = { name: 'corp', issuer: provider.issuer, audience: AUDIENCE, mappings }
  const ca_file = path.join(inject('cluster').certsDir, 'ca.pem')
  writeFileSync(issuersFile, JSON.stringify([{ ...corp, ca_file }]))
  vault = await TestVault.start({ config: { access: { issuersFile } } })
})
afterEach(async () => {
  await vault.checkInvariants()
})
afterAll(async () => {
  await vault.stop()
  await provider.stop()
  rmSync(directory, { recursive: true })
})

/** A vault that knows nothing of the provider yet, on the same records. */
async function withFreshVault(work: (fresh: TestVault) => Promise<void>): Promise<void> {
  const fresh = await TestVault.start({ sharedDatabase: vault.database, config: { access: { issuersFile } } })
  try {
    await work(fresh)
  } finally {
    await fresh.stop()
  }
}

const UNKNOWN = `/v1/tokens/card_${'0'.repeat(26)}`
/** 404: the caller was accepted, and looked for a record that does not exist. */
const lookUp = (token: string, on = vault) => on.call('GET', UNKNOWN, { token })

describe('a member of staff who logged in at the provider', () => {
  it('has the role, the site and the purposes that the mapping makes of their groups', async () => {
    const stored = await vault.tokenize({ card, contact })
    const ann = (await provider.logIn('ann')).access_token
    expect(decodeProtectedHeader(ann).typ).toBe('at+jwt')
    const reveal = (token: string, kind: 'card' | 'contact', purpose: string) =>
      vault.call('POST', `/v1/tokens/${stored[kind]!.token}/reveal`, { token, body: { purpose } })
    // A card number is released only to a token that is bound to her, outside production too.
    const unbound = await reveal(ann, 'card', 'process-payment')
    expectProblem(unbound, 401, 'unauthenticated')
    expect(unbound.headers['www-authenticate']).toMatch(/^DPoP /)
    const key = await createCallerKey()
    const { access_token: token } = await provider.logIn('ann', { key })
    const body = { purpose: 'process-payment' }
    const revealed = await callBound(vault, 'POST', `/v1/tokens/${stored.card!.token}/reveal`, { token, key }, { body })
    expect(revealed.status, revealed.text).toBe(200)
    const [event] = await vault.events({ id: revealed.body.event })
    expect(event).toMatchObject({ caller: { id: 'staff:corp/ann', kind: 'staff', role: 'billing' }, site: 'default' })
    expectProblem(await reveal(ann, 'card', 'marketing'), 403, 'purpose-not-permitted')

    const bob = (await provider.logIn('bob')).access_token
    expectProblem(await reveal(bob, 'contact', 'provide-goods'), 404, 'record-not-found')
    const inBerlin = await vault.tokenize({ contact }, { site: 'berlin' })
    const path = `/v1/tokens/${inBerlin.contact!.token}/reveal`
    expect((await vault.call('POST', path, { token: bob, body: { purpose: 'provide-goods' } })).status).toBe(200)
  })

  it('may belong to one group that is not a list', async () => {
    expectProblem(await lookUp((await provider.logIn('eve')).access_token), 404, 'record-not-found')
  })

  it('is narrowed to the scopes of the vault that the token names', async () => {
    const { access_token } = await provider.logIn('ann', { scope: 'token:read' })
    expect(decodeJwt(access_token).scope).toContain('token:read')
    expectProblem(await lookUp(access_token), 404, 'record-not-found')
    const body = { purpose: 'process-payment' }
    expectProblem(await vault.call('POST', `${UNKNOWN}/reveal`, { token: access_token, body }), 403, 'scope-missing')
  })

  it('is known and may do nothing without a group that fits', async () => {
    const refused = await lookUp((await provider.logIn('joe')).access_token)
    expectProblem(refused, 403, 'scope-missing')
    const [event] = await vault.events({ request_id: refused.body.request_id })
    expect(event).toMatchObject({ type: 'request.refuse', caller: { id: 'staff:corp/joe' } })
    expectProblem(await lookUp((await provider.logIn('nobody-knows')).access_token), 403, 'scope-missing')
  })

  it('has what the role is now: a change holds on every server from the next request on', async () => {
    const ann = (await provider.logIn('ann')).access_token
    const body = { purpose: 'process-payment' }
    await withFreshVault(async (second) => {
      const servers = [vault, second]
      const reveal = (on: TestVault) => on.call('POST', `${UNKNOWN}/reveal`, { token: ann, body })
      for (const on of servers) expectProblem(await lookUp(ann, on), 404, 'record-not-found')
      const apply = (file: RoleFile) => vault.commands.applyRoles(OPERATOR, file)
      const { scopes, grants } = builtInRoles.billing!
      const noCard = {
        scopes: scopes.filter((scope) => scope !== 'card:reveal'),
        grants: grants.filter(({ kind }) => kind !== 'card'),
      }

      await apply(roleFile({ billing: { scopes: scopes.filter((scope) => scope !== 'token:read') } }))
      for (const on of servers) expectProblem(await lookUp(ann, on), 403, 'scope-missing')
      await apply(roleFile({ billing: noCard }))
      for (const on of servers) expectProblem(await reveal(on), 403, 'scope-missing')
      await apply(roleFile({ billing: { scopes: [...scopes, 'audit:read'] } }))
      const read = (on: TestVault) => on.call('GET', '/v1/audit/events?limit=1', { token: ann })
      for (const on of servers) expect((await read(on)).status).toBe(200)
      await apply(roleFile({ billing: undefined }))
      for (const on of servers) {
        const refused = await lookUp(ann, on)
        expectProblem(refused, 401, 'unauthenticated')
        const [event] = await vault.events({ request_id: refused.body.request_id })
        expect(event).toMatchObject({ caller: { id: 'staff:corp/ann', role: 'billing' }, code: 'unauthenticated' })
        expect(on.logLines.join('')).toContain('"alert":"role-missing"')
      }
      expect(await vault.commands.findMappingFault()).toMatch(/at \/0\/mappings\/0\/role: expected one of/)
      // All others continue, on servers that start now too.
      const bob = (await provider.logIn('bob')).access_token
      await withFreshVault(async (third) => {
        expectProblem(await lookUp(ann, third), 401, 'unauthenticated')
        expectProblem(await lookUp(bob, third), 404, 'record-not-found')
        const lines = await third.commands.reviewAccess(OPERATOR)
        expect(lines.filter(({ subject, role }) => subject === 'mapping' && role === 'billing')).toEqual([
          expect.objectContaining({ id: 'corp/groups=billing-team', conditions: 'the role is not in force: refused' }),
        ])
      })

      await apply(roleFile({}))
      expect(await vault.commands.findMappingFault()).toBeUndefined()
      for (const on of servers) expectProblem(await lookUp(ann, on), 404, 'record-not-found')
    })
  })

  it('is in the review of access, by the claims of its mapping', async () => {
    const lines = await vault.commands.reviewAccess(OPERATOR)
    const mapped = lines.filter(({ subject }) => subject === 'mapping')
    expect(mapped.filter(({ see }) => see === '')).toEqual([
      expect.objectContaining({ id: 'corp/groups=billing-team', name: 'corp', role: 'billing', site: 'default' }),
      expect.objectContaining({
        id: 'corp/groups=warehouse',
        role: 'fulfilment',
        site: 'berlin',
        purposes: 'provide-goods',
      }),
    ])
    const grants = mapped.filter(({ id, see }) => id === 'corp/groups=warehouse' && see === 'grant')
    expect(grants.map(({ kind }) => kind)).toEqual(['address', 'contact'])
  })

  it('can have a token that only they can use', async () => {
    const key = await createCallerKey()
    const { access_token: token, token_type } = await provider.logIn('ann', { key })
    expect(token_type).toBe('DPoP')
    expectProblem(await callBound(vault, 'GET', UNKNOWN, { token, key }), 404, 'record-not-found')
    expectProblem(await lookUp(token), 401, 'unauthenticated')
    const thief = await createCallerKey()
    expectProblem(await callBound(vault, 'GET', UNKNOWN, { token, key: thief }), 401, 'unauthenticated')
  })

  it('shows an access token, not an ID token', async () => {
    expectProblem(await lookUp((await provider.logIn('ann')).id_token), 401, 'unauthenticated')
  })

  it('comes no longer than the token lives', async () => {
    const { access_token } = await provider.logIn('ann')
    vault.clockOffsetMs = 3_610_000
    const late = await lookUp(access_token)
    vault.clockOffsetMs = 0
    expectProblem(late, 401, 'unauthenticated')
  })

  it('is refused once disabled here, though the provider still vouches for them', async () => {
    const operator = { id: 'operator:test', kind: 'operator' } as const
    const { access_token } = await provider.logIn('eve')
    await vault.commands.disableStaff(operator, 'staff:corp/eve')
    expectProblem(await lookUp(access_token), 401, 'unauthenticated')
    expectProblem(await lookUp((await provider.logIn('eve')).access_token), 401, 'unauthenticated')
    await vault.commands.enableStaff(operator, 'staff:corp/eve')
    expectProblem(await lookUp(access_token), 404, 'record-not-found')
  })

  it('leaves the vault’s own tokens as they were', async () => {
    expectProblem(await lookUp(await vault.staffToken('billing')), 404, 'record-not-found')
  })
})

describe('the provider’s keys', () => {
  it('are fetched once for many requests', async () => {
    const { access_token } = await provider.logIn('ann')
    await withFreshVault(async (fresh) => {
      const before = provider.keyRequests
      await Promise.all(Array.from({ length: 10 }, () => lookUp(access_token, fresh)))
      expectProblem(await lookUp(access_token, fresh), 404, 'record-not-found')
      expect(provider.keyRequests).toBe(before + 1)
    })
  })

  it('roll over: a new one is found when a token names it, an old one goes with its publication', async () => {
    const [old, next] = [createProviderKey(), createProviderKey()]
    await withFreshVault(async (fresh) => {
      provider.useKeys([old])
      const before = (await provider.logIn('ann')).access_token
      expectProblem(await lookUp(before, fresh), 404, 'record-not-found')
      provider.useKeys([next, old])
      const after = (await provider.logIn('ann')).access_token
      fresh.clockOffsetMs = 31_000
      for (const token of [after, before]) expectProblem(await lookUp(token, fresh), 404, 'record-not-found')
      provider.useKeys([next])
      // Older than ten minutes: the next request has them looked at again.
      fresh.clockOffsetMs += 601_000
      await lookUp(after, fresh)
      await vi.waitUntil(async () => (await lookUp(before, fresh)).status === 401, { timeout: 10_000 })
      expectProblem(await lookUp(after, fresh), 404, 'record-not-found')
    })
  })

  it('that are not known are asked for once in 30 seconds, however many are named', async () => {
    const published = createProviderKey()
    await withFreshVault(async (fresh) => {
      provider.useKeys([createProviderKey()])
      const forged = (await provider.logIn('ann')).access_token
      provider.useKeys([published])
      const good = (await provider.logIn('ann')).access_token
      expectProblem(await lookUp(good, fresh), 404, 'record-not-found')
      const before = provider.keyRequests
      for (let i = 0; i < 5; i++) expectProblem(await lookUp(forged, fresh), 401, 'unauthenticated')
      expect(provider.keyRequests).toBe(before)
      fresh.clockOffsetMs = 31_000
      for (let i = 0; i < 5; i++) expectProblem(await lookUp(forged, fresh), 401, 'unauthenticated')
      expect(provider.keyRequests).toBe(before + 1)
    })
  })
})

describe('an outage of the provider', () => {
  it('refuses no person whose key is known, and accepts none whose key is not', async () => {
    const known = (await provider.logIn('ann')).access_token
    await withFreshVault(async (informed) => {
      expectProblem(await lookUp(known, informed), 404, 'record-not-found')
      await provider.stop()
      try {
        informed.clockOffsetMs = 30 * 60_000
        for (let i = 0; i < 3; i++) expectProblem(await lookUp(known, informed), 404, 'record-not-found')
        await vi.waitUntil(() => informed.logLines.some((line) => line.includes('issuer-unreachable')), {
          timeout: 10_000,
        })
        await withFreshVault(async (uninformed) => {
          expectProblem(await lookUp(known, uninformed), 503, 'issuer-unavailable')
          expectProblem(await lookUp(await uninformed.staffToken('billing'), uninformed), 404, 'record-not-found')
          await provider.listen()
          // Not at once: no provider is asked again within the cool-down.
          expectProblem(await lookUp(known, uninformed), 503, 'issuer-unavailable')
          uninformed.clockOffsetMs = 31_000
          expectProblem(await lookUp(known, uninformed), 404, 'record-not-found')
        })
      } finally {
        await provider.listen().catch(() => {})
      }
    })
  })
})
