import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { builtInSet, type RoleFile, toRoleFile } from '../../src/access/policy/role-set.ts'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { race } from '../support/race.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { cards, checkout, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const builtIn = toRoleFile(builtInSet)

let vault: TestVault
let second: TestVault
let parts: Record<string, Record<string, string>>

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  parts = await vault.tokenize(checkout)
})
beforeEach(() => apply(builtIn))
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const apply = (file: RoleFile, on = vault) => on.commands.applyRoles(OPERATOR, file)
const reveal = (part: string, token: string, body: object, on = vault) =>
  on.call('POST', `/v1/tokens/${parts[part]!.token}/reveal`, { token, body })

describe('a set that is applied', () => {
  it('holds on every server from its next request on, for tokens that were signed before', async () => {
    const purpose = 'respond-to-query'
    const support = await vault.staffToken('support')
    for (const server of [vault, second]) {
      expect((await reveal('shipping_address', support, { purpose }, server)).status).toBe(200)
    }
    const grants = [{ kind: 'address', fields: ['country'], purposes: [purpose] }] as const
    await apply(roleFile({ support: { grants } }))
    for (const server of [second, vault]) {
      const response = await reveal('shipping_address', support, { purpose }, server)
      expect(response.body.data).toEqual({ country: 'SG' })
      expectProblem(
        await reveal('shipping_address', support, { purpose, fields: ['line1'] }, server),
        403,
        'fields-not-permitted',
      )
      expectProblem(await reveal('contact', support, { purpose }, server), 403, 'purpose-not-permitted')
    }
  })

  it('takes scopes away from tokens that carry them', async () => {
    const support = await vault.staffToken('support')
    const path = `/v1/tokens/${parts.card!.token}`
    expect((await second.call('GET', path, { token: support })).status).toBe(200)
    await apply(roleFile({ support: { scopes: ['address:reveal', 'contact:reveal'], changes: [] } }))
    expectProblem(await second.call('GET', path, { token: support }), 403, 'scope-missing')
    // A scope that the role gets is not in tokens that were signed before.
    await apply(builtIn)
    expect((await second.call('GET', path, { token: support })).status).toBe(200)
  })

  it('without a role refuses its holders, clients and staff', async () => {
    const staff = await vault.staffToken('fraud')
    const client = await vault.client(['token:read'], { role: 'fraud' })
    const bearer: string = (await vault.requestToken(client.id, client.secret)).body.access_token
    await apply(roleFile({ fraud: undefined }))
    for (const token of [staff, bearer]) {
      const read = await second.call('GET', `/v1/tokens/${parts.card!.token}`, { token })
      expectProblem(read, 401, 'unauthenticated')
    }
    // Nor does a new token lose the role, which bounds its scopes.
    const again: string = (await second.requestToken(client.id, client.secret)).body.access_token
    const read = await second.call('GET', `/v1/tokens/${parts.card!.token}`, { token: again })
    expectProblem(read, 401, 'unauthenticated')
    await expect(vault.staffToken('fraud')).rejects.toThrow(/no such role.*checkout/)
  })

  it('with a new role lets tokens be made for it and used on another server at once', async () => {
    const grants = [{ kind: 'address', view: 'postal-area', purposes: ['research'] }] as const
    const analyst = { duty: 'Plans the routes.', scopes: ['address:reveal'], grants } as const
    await apply(roleFile({ analyst }))
    const client = await second.client(['address:reveal'], { role: 'analyst' })
    const bearer: string = (await second.requestToken(client.id, client.secret)).body.access_token
    for (const token of [await vault.staffToken('analyst'), bearer]) {
      const response = await reveal('shipping_address', token, { purpose: 'research' }, second)
      expect(response.body).toMatchObject({ data: { postal_area: '048' } })
      expect(response.text).not.toContain(person.postalCode)
      const events = await vault.events({ request_id: response.headers['request-id'] })
      expect(events).toEqual([expect.objectContaining({ type: 'record.reveal', fields: ['postal_area'] })])
    }
  })

  it('is the next revision with an event, and is not written twice', async () => {
    const before = await vault.events({ type: 'roles.apply' })
    const first = await apply(roleFile({ marketing: undefined }))
    expect(first.changed).toBe(true)
    expect(await apply(roleFile({ marketing: undefined }), second)).toEqual({ ...first, changed: false })
    const events = (await vault.events({ type: 'roles.apply' })).slice(before.length)
    const subject = `roles:${first.revision}`
    expect(events).toEqual([expect.objectContaining({ subject, caller: OPERATOR, outcome: 'success', count: 12 })])
    const after = await apply(builtIn)
    expect(after.revision).toBe(first.revision + 1)
    expect(toRoleFile(await vault.commands.readRoles())).toEqual(builtIn)
  })

  it('twice at the same time gets two revisions', async () => {
    const files = [roleFile({ marketing: undefined }), roleFile({ legal: undefined })]
    const applied = await Promise.all(files.map((file, at) => apply(file, at === 0 ? vault : second)))
    expect(new Set(applied.map(({ revision }) => revision)).size).toBe(2)
  })

  it('meets many requests in the middle: none that began after it was acknowledged goes by the old one', async () => {
    const billing = await vault.staffToken('billing')
    const { after } = await race(
      [vault, second],
      (server) => reveal('card', billing, { purpose: 'process-payment' }, server),
      () => apply(roleFile({ billing: { denials: [{ kind: 'card' }] } })),
    )
    expect(after.length).toBeGreaterThan(0)
    expect(new Set(after)).toEqual(new Set([403]))
  })
})

describe('conditions', () => {
  const careful = async (conditions: Parameters<typeof conditionalRole>[0], site = 'default') => {
    await apply(roleFile({ careful: conditionalRole(conditions) }))
    return vault.staffToken('careful', { site })
  }
  const purpose = 'enforce-rights'

  it('a reason: refused without one, and with a blank one', async () => {
    const token = await careful({ reason: true })
    for (const body of [{ purpose }, { purpose, reason: '' }]) {
      const refused = await reveal('card', token, body)
      expectProblem(refused, 403, 'condition-not-met')
      expect(refused.body.detail).toBe('a reason is required')
    }
    expect((await reveal('card', token, { purpose, reason: 'a chargeback' })).body.data.number).toBe(cards.visa)
  })

  it('a ticket: is in the event of the release and of the refusal', async () => {
    const token = await careful({ ticket: true })
    expectProblem(await reveal('card', token, { purpose }), 403, 'condition-not-met')
    const response = await reveal('card', token, { purpose, ticket: 'CASE-17/2' })
    expect(response.status).toBe(200)
    const [event] = await vault.events({ type: 'record.reveal', ticket: 'CASE-17/2' })
    expect(event).toMatchObject({ token: parts.card!.token, fields: Object.keys(response.body.data) })
    const denied = await reveal('card', await vault.staffToken('fraud'), { purpose: 'marketing', ticket: 'CASE-18' })
    expectProblem(denied, 403, 'purpose-not-permitted')
    expect(await vault.events({ type: 'request.refuse', ticket: 'CASE-18' })).toHaveLength(1)
  })

  it.each([['a ticket with spaces'], [cards.visa], ['x'.repeat(65)]])('no ticket: %s', async (ticket) => {
    const response = await reveal('card', await vault.staffToken('billing'), { purpose: 'process-payment', ticket })
    expect(response.status).toBe(422)
    expect(pointersOf(response)).toEqual(['#/ticket'])
  })

  it('hours: by the clock of the vault', async () => {
    await careful({ hours: { from: '09:00', to: '17:00', days: [1, 2, 3, 4, 5] } })
    const now = new Date()
    const to = (hour: number) => {
      // The next Tuesday at that hour, so that no clock goes back.
      const then = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1, hour))
      while (then.getUTCDay() !== 2) then.setUTCDate(then.getUTCDate() + 1)
      vault.clockOffsetMs = then.getTime() - Date.now()
    }
    try {
      to(8)
      const late = await vault.staffToken('careful', { minutes: 120 })
      expectProblem(await reveal('card', late, { purpose }), 403, 'condition-not-met')
      to(9)
      expect((await reveal('card', late, { purpose })).status).toBe(200)
    } finally {
      vault.clockOffsetMs = 0
    }
  })

  it('sites: only for callers of one of them', async () => {
    const token = await careful({ sites: ['berlin'] })
    expectProblem(await reveal('card', token, { purpose }), 403, 'condition-not-met')
    await apply(roleFile({ careful: conditionalRole({ sites: ['berlin', 'default'] }) }))
    expect((await reveal('card', token, { purpose })).status).toBe(200)
  })

  it('a token that is bound to its owner: a bearer token is refused with 401', async () => {
    const token = await careful({ sender_constrained: true })
    const refused = await reveal('card', token, { purpose })
    expectProblem(refused, 401, 'unauthenticated')
    expect(refused.headers['www-authenticate']).toMatch(/^DPoP /)
    const [event] = await vault.events({ request_id: refused.body.request_id })
    expect(event).toMatchObject({ type: 'request.refuse', code: 'unauthenticated', caller: { role: 'careful' } })
  })

  it('approval: refused until another person has approved', async () => {
    expectProblem(await reveal('card', await careful({ approval: true }), { purpose }), 403, 'approval-required')
  })

  it('are asked before the record is looked for: nothing tells an unknown card from a known one', async () => {
    const token = await careful({ reason: true })
    const unknown = `card_${'0'.repeat(26)}`
    const response = await vault.call('POST', `/v1/tokens/${unknown}/reveal`, { token, body: { purpose } })
    expectProblem(response, 403, 'condition-not-met')
  })
})

describe('a view', () => {
  it('releases what is derived, and no more', async () => {
    const grants = [
      { kind: 'card', view: 'bin-last4', purposes: ['research'] },
      { kind: 'contact', view: 'masked', purposes: ['research'] },
    ] as const
    await apply(roleFile({ analyst: { scopes: ['card:reveal', 'contact:reveal'], grants } }))
    const token = await vault.staffToken('analyst')
    const shown = async (part: string) => (await reveal(part, token, { purpose: 'research' })).body.data
    expect(await shown('card')).toEqual({ bin: '424242', last4: '4242' })
    expect(await shown('contact')).toEqual({ email_masked: 'm•••@example.sg', phone_last2: '67', initials: 'T.M.L.' })
    const refused = await reveal('card', token, { purpose: 'research', fields: ['number'] })
    expectProblem(refused, 403, 'fields-not-permitted')
  })
})
