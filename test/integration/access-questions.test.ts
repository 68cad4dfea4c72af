import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { purposes } from '../../src/access/policy/purpose.ts'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import { roleNames } from '../../src/access/policy/roles.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let parts: Record<string, Record<string, string>>

beforeAll(async () => {
  vault = await TestVault.start()
  parts = await vault.tokenize({ ...checkout, consents: ['marketing'] })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

type Question = Parameters<typeof vault.commands.explainAccess>[2]
type Who = Parameters<typeof vault.commands.explainAccess>[1]
const explain = (who: Partial<Who>, question: Partial<Question>) =>
  vault.commands.explainAccess(
    OPERATOR,
    { id: 'staff:ann', site: 'default', ...who },
    { token: parts.card!.token!, purpose: 'process-payment', circumstances: {}, ...question },
  )
const lookIn = (who: Partial<Who>, question: Partial<Question>) =>
  explain(who, question).then(({ allowed, code, lines }) => ({ allowed, code, line: lines[0] }))

describe('explain', () => {
  it('says what a reveal would, for every role, purpose and kind', async () => {
    for (const role of roleNames) {
      const token = await vault.staffToken(role)
      for (const purpose of purposes) {
        for (const part of ['card', 'shipping_address', 'contact']) {
          const record = parts[part]!.token!
          const answer = await vault.call('POST', `/v1/tokens/${record}/reveal`, { token, body: { purpose } })
          const explained = await explain({ role }, { token: record, purpose })
          const shown = answer.status === 200 ? undefined : answer.body.code
          expect(explained.code ?? undefined, `${role} ${purpose} ${part}`).toBe(shown)
          if (shown === undefined)
            expect([...explained.fields]).toEqual(roleOf(role).reveals[part.replace(/.*_/, '') as 'card'])
        }
      }
    }
  }, 60_000)

  it.each<[string, Partial<Who>, Partial<Question>, string | null, RegExp]>([
    ['a grant', { role: 'billing' }, {}, null, /^\/roles\/billing\/grants\/0$/],
    ['no scope', { role: 'support' }, {}, 'scope-missing', /no scope card:reveal/],
    [
      'no purpose',
      { role: 'billing' },
      { purpose: 'marketing' },
      'purpose-not-permitted',
      /the token: not for marketing/,
    ],
    [
      'no field',
      { role: 'fraud' },
      { purpose: 'enforce-rights', fields: ['number'] },
      'fields-not-permitted',
      /not number/,
    ],
    [
      'no record',
      { role: 'billing' },
      { token: `card_${'0'.repeat(26)}` },
      'record-not-found',
      /not on the site default/,
    ],
    ['another site', { role: 'billing', site: 'berlin' }, {}, 'record-not-found', /not on the site berlin/],
    ['no token', { role: 'billing' }, { token: 'x' }, 'record-not-found', /no such token/],
  ])('%s', async (_name, who, question, code, line) => {
    expect(await lookIn(who, question)).toEqual({ allowed: code === null, code, line: expect.stringMatching(line) })
  })

  it.each<[string, Partial<Who>, Partial<Question>, string | null, RegExp]>([
    ['a grant of it', { role: 'payments' }, {}, null, /^\/roles\/payments\/grants\/0$/],
    ['a grant beside one that reveals', { role: 'billing' }, {}, null, /^\/roles\/billing\/grants\/2$/],
    ['fields that it would take', { role: 'payments' }, { fields: ['number'] }, null, /grants\/0$/],
    ['no scope', { role: 'legal' }, { purpose: 'enforce-rights' }, 'scope-missing', /no scope card:forward/],
    ['no purpose', { role: 'payments' }, { purpose: 'research' }, 'purpose-not-permitted', /not for research/],
    ['another site', { role: 'payments', site: 'berlin' }, {}, 'record-not-found', /not on the site berlin/],
  ])('a forward: %s', async (_name, who, question, code, line) => {
    const found = await explain(who, { to: 'forward', ...question })
    expect(found).toMatchObject({
      allowed: code === null,
      code,
      fields: (question.fields ?? []).map((f) => `card.${f}`),
    })
    expect(found.lines[0]).toMatch(line)
  })

  it('a forward is of a card, for a purpose', async () => {
    await expect(explain({ role: 'payments' }, { to: 'forward', purpose: undefined })).rejects.toThrow(/which purpose/)
    const question = { to: 'forward', token: parts.contact!.token! } as const
    await expect(explain({ role: 'payments' }, question)).rejects.toThrow(/is of a card/)
  })

  it('a hold that postpones an erasure', async () => {
    const { token } = (await vault.tokenize({ contact: checkout.contact })).contact!
    const hold = { token: token!, reason: 'Case 7', reviewAt: new Date(Date.now() + 1e9) }
    await vault.commands.addHold(OPERATOR, { ...hold, purpose: 'respond-to-query' })
    const officer = await vault.staffToken('privacy-officer')
    expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(409)
    const ask = (purpose: 'communicate' | 'respond-to-query') => lookIn({ role: 'support' }, { token: token!, purpose })
    expect(await ask('communicate')).toMatchObject({ code: 'erasure-postponed', line: expect.stringMatching(/hold/) })
    expect(await ask('respond-to-query')).toMatchObject({ allowed: true })
  })

  it('consent, erasure, revocation, suspension and contracts', async () => {
    const agreed = await lookIn({ role: 'marketing' }, { token: parts.contact!.token!, purpose: 'marketing' })
    expect(agreed.allowed).toBe(true)
    const { token } = (await vault.tokenize({ contact: checkout.contact })).contact!
    expect(await lookIn({ role: 'marketing' }, { token: token!, purpose: 'marketing' })).toMatchObject({
      code: 'consent-missing',
    })
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: await vault.staffToken('privacy-officer') })
    expect(await lookIn({ role: 'support' }, { token: token!, purpose: 'communicate' })).toMatchObject({
      code: 'record-gone',
      line: 'the record: erased',
    })

    const client = await vault.client(['card:reveal'], { role: 'billing' })
    expect(await lookIn({ id: client.id }, {})).toMatchObject({ allowed: false, code: 'unauthenticated' })
    expect(await lookIn({ id: client.id, bound: true }, {})).toMatchObject({ allowed: true })
    await vault.commands.revokeClient(OPERATOR, client.id)
    expect(await lookIn({ id: client.id, bound: true }, {})).toMatchObject({ allowed: false, code: 'unauthenticated' })
    await vault.database.sql("INSERT INTO suspended_callers VALUES ('staff:sue', 'billing', '', now())")
    expect(await lookIn({ id: 'staff:sue', role: 'billing' }, {})).toMatchObject({ code: 'caller-suspended' })
    await expect(explain({ id: 'client_0' }, {})).rejects.toThrow(/no such client/)
    await expect(explain({}, {})).rejects.toThrow(/which role/)
  })

  it('conditions, as if they were met', async () => {
    const careful = conditionalRole({ reason: true, sender_constrained: true })
    await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
    const purpose = 'enforce-rights'
    const met = { purpose, circumstances: { reason: true } } as const
    expect(await lookIn({ role: 'careful' }, met)).toEqual({
      allowed: false,
      code: 'unauthenticated',
      line: '/roles/careful/grants/0/conditions/sender_constrained',
    })
    expect(await lookIn({ role: 'careful', bound: true }, { purpose })).toMatchObject({
      line: '/roles/careful/grants/0/conditions/reason',
    })
    expect(await lookIn({ role: 'careful', bound: true }, met)).toMatchObject({ allowed: true })
  })

  it('leaves an event that names both callers, and opens nothing', async () => {
    const before = await vault.events({ type: 'record.reveal' })
    await explain({ id: 'staff:asked', role: 'billing' }, {})
    const events = await vault.events({ type: 'access.explain', subject: 'staff:asked' })
    expect(events).toEqual([expect.objectContaining({ caller: OPERATOR, purpose: 'process-payment' })])
    expect(await vault.events({ type: 'record.reveal' })).toEqual(before)
  })
})

describe('review', () => {
  it('lists every grant of every role, every live client with what is left to it, and every partner', async () => {
    await vault.commands.applyRoles(
      OPERATOR,
      roleFile({
        fraud: { denials: [{ kind: 'card', fields: ['holder_name'] }] },
        careful: conditionalRole({ ticket: true }),
      }),
    )
    const contract = { name: 'Carrier', country: 'MY', contact: 'Ann', purposes: ['provide-goods'] as const }
    const ends_at = new Date(Date.now() + 60_000)
    const { id } = await vault.commands.addPartner(OPERATOR, {
      ...contract,
      fields: ['address.line1'],
      ends_at,
    })
    const carrier = await vault.client(['address:reveal'], { role: 'fulfilment', partner: id })
    const revoked = await vault.client(['token:read'])
    await vault.commands.revokeClient(OPERATOR, revoked.id)

    const lines = await vault.commands.reviewAccess(OPERATOR)
    const of = (subject: string, name: string) => lines.filter((line) => line.subject === subject && line.id === name)
    for (const role of roleNames) {
      const seen = Object.fromEntries(
        of('role', role)
          .filter(({ see }) => see === 'grant')
          .map(({ kind, fields }) => [kind, fields.split(' ')]),
      )
      expect(seen).toEqual(roleOf(role).reveals)
      expect(of('role', role)[0]!.scopes).toBe(roleOf(role).scopes.join(' '))
    }
    expect(of('role', 'fraud').filter(({ see }) => see === 'denial')).toEqual([
      expect.objectContaining({ kind: 'card', fields: 'holder_name' }),
    ])
    expect(of('role', 'billing').filter(({ see }) => see === 'masked')).toHaveLength(1)
    const forwards = lines.filter(({ subject, see }) => subject === 'role' && see === 'forward')
    expect(forwards.map(({ role, kind, fields, purposes: what }) => [role, kind, fields, what])).toEqual(
      ['billing', 'payments'].map((role) => [role, 'card', '', 'process-payment']),
    )
    // What a file leaves out and the set still has is shown too.
    expect(of('role', 'careful').map(({ kind, conditions }) => [kind, conditions])).toEqual([
      ['', ''],
      ['card', '{"ticket":true,"sender_constrained":"unless-trial"}'],
      ['address', '{"ticket":true}'],
      ['contact', '{"ticket":true}'],
    ])
    const forLaw = of('role', 'privacy-officer').filter(({ purposes }) => purposes.includes('legal-compliance'))
    expect(forLaw.map(({ kind, purposes, conditions }) => [kind, purposes, conditions])).toEqual(
      ['address', 'contact'].map((kind) => [
        ...[kind, 'legal-compliance', '{"ticket":true,"authority":true,"approval":true}'],
      ]),
    )
    expect(of('client', carrier.id)).toEqual([
      expect.objectContaining({ partner: id, role: 'fulfilment', scopes: 'address:reveal', see: '' }),
      expect.objectContaining({ see: 'grant', kind: 'address', fields: 'line1', purposes: 'provide-goods' }),
    ])
    expect(of('client', revoked.id)).toEqual([])
    const listed = await vault.commands.listClients()
    expect(listed.find((client) => client.id === carrier.id)?.partner).toBe(id)
    await vault.commands.disableStaff(OPERATOR, 'staff:gone')
    const [gone] = (await vault.commands.reviewAccess(OPERATOR)).filter(({ subject }) => subject === 'staff')
    expect(gone).toMatchObject({ id: 'staff:gone', name: 'disabled', see: '', since: expect.stringMatching(/^2/) })
    expect(of('partner', id)).toEqual([expect.objectContaining({ name: 'Carrier (MY)', until: ends_at.toISOString() })])
    expect((await vault.events({ type: 'access.review' })).at(-1)).toMatchObject({
      caller: OPERATOR,
      count: lines.length + 1,
    })
  })
})
