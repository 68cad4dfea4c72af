import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AuditEventType } from '../../src/audit/event/audit-event.ts'
import { addProcessor, destinationsFile, setSecret } from '../support/destinations.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, contact, corrected } from '../support/samples.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * The owner of the database has a trigger leave out, rewrite or take back what the vault writes, between two looks at the schema:
 * nothing is acknowledged that was not done.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const reason = 'a call'

let vault: TestVault
const bearer: Record<string, string> = {}
let token: string
let used = 0

beforeAll(async () => {
  vault = await TestVault.start()
  await stopSchemaWatch(vault)
  await sql(`
    CREATE SCHEMA elsewhere;
    CREATE FUNCTION elsewhere.leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE FUNCTION elsewhere.leave_as_it_was() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;
    CREATE FUNCTION elsewhere.take_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
      IF TG_OP = 'DELETE' THEN EXECUTE format('INSERT INTO public.%I SELECT ($1).*', TG_TABLE_NAME) USING OLD;
      ELSE EXECUTE format('DELETE FROM public.%I t WHERE t.* IS NOT DISTINCT FROM $1', TG_TABLE_NAME) USING NEW; END IF;
      RETURN NULL; END $$`)
  const careful = conditionalRole({ approval: true })
  await commands().applyRoles(OPERATOR, roleFile({ careful }))
  bearer.checkout = await vault.clientToken(['tokenize'], { role: 'checkout' })
  bearer.careful = await vault.staffToken('careful', { name: 'Ann' })
  for (const role of ['support', 'privacy-officer']) bearer[role] = await vault.staffToken(role)
})
afterAll(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

const sql = (text: string) => vault.database.sql(text)
const commands = () => vault.commands
const path = () => `/v1/tokens/${token}`
const correct = () => vault.call('PATCH', path(), { token: bearer.support, body: { name: corrected.name, reason } })
const reveal = (more: object = {}, headers = {}) =>
  vault.call('POST', `${path()}/reveal`, {
    token: bearer.support,
    body: { purpose: 'communicate', ...more },
    headers,
  })
const erase = (more: object = {}) =>
  vault.call('DELETE', path(), { token: bearer['privacy-officer'], body: { reason, ...more } })
const ask = async (of: string) =>
  vault.call('POST', `/v1/tokens/${of}/reveal`, {
    token: bearer.careful,
    body: { purpose: 'enforce-rights', fields: ['number'], reason },
  })
const newCard = async () => (await vault.tokenize({ card })).card!.token!
/** Everything of the record that an erasure takes away: a version, reasons, the kept answer and an approval that waits. */
async function rich(): Promise<void> {
  expect((await correct()).status).toBe(200)
  expect((await reveal({ reason })).status).toBe(200)
}

type Way = 'leave_out' | 'leave_as_it_was' | 'take_back'
async function meddling<T>(way: Way, when: string, table: string, work: () => Promise<T>): Promise<T> {
  const moment = way === 'take_back' ? 'AFTER' : 'BEFORE'
  await sql(`CREATE TRIGGER meddle ${moment} ${when} ON ${table} FOR EACH ROW EXECUTE FUNCTION elsewhere.${way}()`)
  return work().finally(() => sql(`DROP TRIGGER meddle ON ${table}`))
}

describe('a call is not acknowledged', () => {
  beforeEach(async () => {
    const headers = { 'Idempotency-Key': `made ${used++}` }
    const made = await vault.call('POST', '/v1/tokenize', { token: bearer.checkout, body: { contact }, headers })
    token = made.body.contact.token
  })

  it.each<[Way, string, string]>([
    ['leave_out', 'UPDATE', 'records'],
    ['leave_as_it_was', 'UPDATE', 'records'],
    ['leave_out', 'DELETE', 'record_versions'],
    ['take_back', 'DELETE', 'record_versions'],
    ['leave_out', 'DELETE', 'search_terms'],
    ['leave_out', 'DELETE', 'reveal_reasons'],
    ['leave_out', 'UPDATE', 'idempotency_keys'],
  ])('when an erasure is undone: %s on %s of %s', async (way, when, table) => {
    await rich()
    expectProblem(await meddling(way, when, table, erase), 503, 'schema-changed')
    expect(await vault.events({ type: 'record.erase', token })).toEqual([])
    expect((await reveal()).status).toBe(200)
    expect((await erase()).status).toBe(204)
    expectProblem(await reveal(), 410, 'record-gone')
  })

  it('when an erasure leaves an approval that waits', async () => {
    token = await newCard()
    expectProblem(await ask(token), 403, 'approval-required')
    expectProblem(await meddling('leave_out', 'UPDATE', 'approvals', erase), 503, 'schema-changed')
    expect((await erase()).status).toBe(204)
  })

  it.each<[Way, string, string]>([
    ['leave_out', 'UPDATE', 'records'],
    ['leave_as_it_was', 'UPDATE', 'records'],
    ['leave_out', 'INSERT', 'record_versions'],
    ['take_back', 'INSERT', 'record_versions'],
    ['leave_out', 'DELETE', 'search_terms'],
    ['leave_out', 'INSERT', 'search_terms'],
    ['leave_out', 'INSERT', 'reveal_reasons'],
  ])('when a correction is undone: %s on %s of %s', async (way, when, table) => {
    const email = () => vault.call('PATCH', path(), { token: bearer.support, body: { email: corrected.email, reason } })
    expectProblem(await meddling(way, when, table, email), 503, 'schema-changed')
    expect(await vault.events({ type: 'record.correct', token })).toEqual([])
    expect((await reveal()).body.data.email).not.toBe(corrected.email)
    expect((await email()).status).toBe(200)
  })

  it.each(['records', 'search_terms', 'idempotency_keys'])('when a tokenization stores no %s', async (table) => {
    const headers = { 'Idempotency-Key': `swallowed ${table}` }
    const make = () => vault.call('POST', '/v1/tokenize', { token: bearer.checkout, body: { contact }, headers })
    const refused = await meddling('leave_out', 'INSERT', table, make)
    expectProblem(refused, 503, 'schema-changed')
    expect(refused.text).not.toContain('token')
  })

  it('when a batch of many records loses some', async () => {
    const items = Array.from({ length: 300 }, () => ({ contact }))
    const make = () => vault.call('POST', '/v1/tokenize/batch', { token: bearer.checkout, body: { items } })
    const before = await vault.count('records')
    expectProblem(await meddling('leave_out', 'INSERT', 'search_terms', make), 503, 'schema-changed')
    expect(await vault.count('records')).toBe(before)
  })

  it.each([
    ['its reason', 'reveal_reasons', { reason }, {}],
    ['its Idempotency-Key', 'idempotency_keys', {}, { 'Idempotency-Key': 'swallowed reveal' }],
  ])('when a reveal does not keep %s', async (_what, table, more, headers) => {
    const refused = await meddling('leave_out', 'INSERT', table, () => reveal(more, headers))
    expectProblem(refused, 503, 'schema-changed')
    expect((await reveal(more, headers)).status).toBe(200)
  })

  it('when a request for approval, or what was decided, is not kept', async () => {
    const other = await newCard()
    expectProblem(await meddling('leave_out', 'INSERT', 'approvals', () => ask(other)), 503, 'schema-changed')
    const { approval } = (await ask(other)).body
    for (const verdict of ['approve', 'refuse']) {
      const decide = () =>
        vault.call('POST', `/v1/approvals/${approval}/${verdict}`, { token: bearer['privacy-officer'] })
      expectProblem(await meddling('leave_as_it_was', 'UPDATE', 'approvals', decide), 503, 'schema-changed')
      expect(await vault.events({ type: `approval.${verdict}` as AuditEventType })).toEqual([])
    }
  })
})

describe('a command fails', () => {
  const client = async () => (await vault.client(['tokenize'])).id
  const contract = async () =>
    commands()
      .addPartner(OPERATOR, {
        name: 'Carrier',
        country: 'DE',
        contact: 'a person there',
        purposes: ['provide-goods'] as const,
        fields: ['address.postal_code'],
        ends_at: new Date(Date.now() + 86_400_000),
      })
      .then(({ id }) => id)
  const person = async () => commands().disableStaff(OPERATOR, `staff:person ${used++}`)
  const suspended = async () => {
    const id = `staff:caller ${used++}`
    await sql(`INSERT INTO suspended_callers VALUES ('${id}', 'support', '', now())`)
    return id
  }
  const processor = async () => {
    await setSecret(vault, 'processor-key', 'a value')
    return addProcessor(vault)
  }
  const secret = async () => {
    const name = `secret-${used++}`
    await setSecret(vault, name, 'a value')
    return name
  }
  const nobody = async () => `staff:new ${used++}`

  it.each<[string, AuditEventType, Way, string, string, () => Promise<string>, (id: string) => Promise<unknown>]>([
    ...(['leave_out', 'leave_as_it_was'] as const).flatMap((way) => [
      [
        ...(['clients revoke', 'client.revoke', way, 'UPDATE', 'clients', client] as const),
        (id: string) => commands().revokeClient(OPERATOR, id),
      ] as const,
      [
        ...(['clients rotate-secret', 'client.rotate-secret', way, 'UPDATE', 'clients', client] as const),
        (id: string) => commands().rotateClientSecret(OPERATOR, id),
      ] as const,
      [
        ...(['partners end', 'partner.end', way, 'UPDATE', 'partners', contract] as const),
        (id: string) => commands().endPartner(OPERATOR, id),
      ] as const,
    ]),
    ...(['leave_out', 'take_back'] as const).flatMap((way) => [
      [
        ...(['staff disable', 'staff.disable', way, 'INSERT', 'disabled_staff', nobody] as const),
        (id: string) => commands().disableStaff(OPERATOR, id),
      ] as const,
      [
        ...(['staff enable', 'staff.enable', way, 'DELETE', 'disabled_staff', person] as const),
        (id: string) => commands().enableStaff(OPERATOR, id),
      ] as const,
      [
        ...(['access lift', 'caller.lift', way, 'DELETE', 'suspended_callers', suspended] as const),
        (id: string) => commands().reinstateCaller(OPERATOR, id),
      ] as const,
    ]),
    [
      ...(['clients add', 'client.add', 'leave_out', 'INSERT', 'clients', nobody] as const),
      () => vault.client(['tokenize']),
    ],
    [
      ...(['clients revoke', 'client.revoke', 'leave_out', 'INSERT', 'access_ledger', client] as const),
      (id: string) => commands().revokeClient(OPERATOR, id),
    ],
    [
      ...(['roles apply', 'roles.apply', 'leave_out', 'INSERT', 'role_sets', nobody] as const),
      () => commands().applyRoles(OPERATOR, roleFile({ other: conditionalRole({ approval: true }) })),
    ],
    [
      ...(['destinations apply', 'destinations.apply', 'leave_out', 'INSERT', 'destination_sets', processor] as const),
      (id: string) => commands().applyDestinations(OPERATOR, destinationsFile(id)),
    ],
    ...(['leave_out', 'leave_as_it_was'] as const).map(
      (way) =>
        [
          ...([
            'destinations secret set',
            'destinations.set-secret',
            way,
            'UPDATE',
            'destination_secrets',
            secret,
          ] as const),
          (name: string) => setSecret(vault, name, 'another'),
        ] as const,
    ),
    [
      ...([
        'destinations secret remove',
        'destinations.remove-secret',
        'take_back',
        'DELETE',
        'destination_secrets',
        secret,
      ] as const),
      (name: string) => commands().removeSecret(OPERATOR, name),
    ],
    [
      ...(['keys compromise', 'key.compromise', 'leave_out', 'UPDATE', 'key_registry', nobody] as const),
      async () => {
        const keys = await commands().listKeys()
        return commands().compromiseKey(OPERATOR, keys.find(({ purpose }) => purpose === 'index')!.id)
      },
    ],
  ] as never)('%s, with no event %s: %s on %s of %s', async (_command, type, way, when, table, make, run) => {
    const id = await make()
    const before = await vault.events({ type })
    await expect(meddling(way, when, table, () => run(id))).rejects.toMatchObject({ code: 'schema-changed' })
    expect(await vault.events({ type })).toEqual(before)
    await run(id)
    expect((await vault.events({ type })).length).toBe(before.length + 1)
  })
})
