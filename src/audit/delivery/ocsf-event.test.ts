import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AuditFacts, auditEventTypes } from '../event/audit-event.ts'
import { createNewAuditEvent } from '../event/new-audit-event.ts'
import { toOcsf } from './ocsf-event.ts'

/**
 * What the published schema, version 1.8.0, has of the classes that are used here: the category, the attributes that are
 * required of an event (with those of the base event), of which at least one is needed, and the activities that are defined.
 */
const BASE = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid']
const CLASSES: Record<number, { category: number; required: string[]; oneOf: string[]; activities: number }> = {
  1008: { category: 1, required: ['device'], oneOf: ['log_file', 'log_name', 'log_provider'], activities: 10 },
  3002: { category: 3, required: ['user'], oneOf: ['service', 'dst_endpoint'], activities: 7 },
  3004: { category: 3, required: ['entity'], oneOf: [], activities: 13 },
  6003: { category: 6, required: ['actor', 'api', 'src_endpoint'], oneOf: [], activities: 4 },
  6005: {
    category: 6,
    required: ['actor', 'src_endpoint'],
    oneOf: ['database', 'databucket', 'table'],
    activities: 10,
  },
}
/** The attributes of objects: required, and of which at least one is needed. */
const OBJECTS: Record<string, { required?: string[]; oneOf?: string[] }> = {
  metadata: { required: ['product', 'version'] },
  product: { oneOf: ['name', 'uid'] },
  actor: { oneOf: ['process', 'user', 'invoked_by', 'session', 'app_name', 'app_uid'] },
  user: { oneOf: ['account', 'name', 'uid'] },
  src_endpoint: { oneOf: ['ip', 'uid', 'name', 'hostname', 'svc_name', 'instance_uid'] },
  entity: { oneOf: ['name', 'uid', 'device', 'group', 'org', 'policy', 'user'] },
  api: { required: ['operation'] },
  request: { required: ['uid'] },
  database: { required: ['type_id'], oneOf: ['name', 'uid'] },
  table: { oneOf: ['name', 'uid'] },
  device: { required: ['type_id'] },
  service: { oneOf: ['name', 'uid'] },
}

const newAuditEvent = createNewAuditEvent(
  () => new Date('2026-11-24T10:00:00.007Z'),
  () => 'evt_1',
)
const convert = (facts: AuditFacts) =>
  JSON.parse(JSON.stringify(toOcsf(newAuditEvent(facts).body, 7, '0.1.0'))) as Record<string, unknown>

function requireForm(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || name === 'unmapped') return
  const { required = [], oneOf } = OBJECTS[name] ?? {}
  const members = Object.keys(value)
  for (const member of required) expect(members, name).toContain(member)
  if (oneOf) expect(members.filter((member) => oneOf.includes(member)).length, name).toBeGreaterThan(0)
  for (const [member, inner] of Object.entries(value)) requireForm(member, inner)
}

const caller = fc.option(
  fc.record({
    id: fc.string({ minLength: 1 }),
    kind: fc.constantFrom('client' as const, 'staff' as const, 'operator' as const, 'vault' as const),
    role: fc.option(fc.constant('support'), { nil: undefined }),
  }),
  { nil: undefined },
)
const text = fc.option(fc.string({ minLength: 1 }), { nil: undefined })
const facts: fc.Arbitrary<AuditFacts> = fc.record({
  type: fc.constantFrom(...auditEventTypes),
  outcome: fc.constantFrom('success' as const, 'refused' as const, 'failed' as const),
  caller,
  subject: text,
  token: text,
  kind: text,
  route: text,
  request_id: text,
  code: text,
  site: text,
})

it('has what the schema requires, for every type of event', () => {
  fc.assert(
    fc.property(facts, (given) => {
      const event = convert(given)
      const ofClass = CLASSES[event.class_uid as number]!
      expect(event.category_uid).toBe(ofClass.category)
      for (const name of [...BASE, ...ofClass.required]) expect(event, given.type).toHaveProperty(name)
      if (ofClass.oneOf.length > 0) expect(ofClass.oneOf.some((name) => name in event)).toBe(true)
      const activity = event.activity_id as number
      expect(event.type_uid).toBe((event.class_uid as number) * 100 + activity)
      // Other has the name of its own that the schema asks for; everything else is one of the schema's.
      if (activity === 99) expect(event.activity_name).toBe(given.type)
      else expect(activity >= 1 && activity <= ofClass.activities && !('activity_name' in event)).toBe(true)
      expect(event.time).toBe(Date.parse('2026-11-24T10:00:00.007Z'))
      requireForm('event', event)
    }),
    { numRuns: 500 },
  )
})

it('loses no fact', () => {
  fc.assert(
    fc.property(facts, (given) => {
      const event = JSON.stringify(convert(given))
      for (const value of [given.subject, given.token, given.route, given.request_id, given.code, given.site]) {
        if (value !== undefined) expect(event).toContain(JSON.stringify(value))
      }
    }),
  )
})

describe('a reveal', () => {
  const caller = { id: 'staff:Ann', kind: 'staff', role: 'billing' } as const
  const facts = {
    token: 'card_0',
    kind: 'card',
    purpose: 'process-payment',
    fields: ['number'],
    site: 'default',
  } as const

  it('is a decryption in a datastore, by a user, at its place in the log', () => {
    expect(convert({ ...facts, type: 'record.reveal', outcome: 'success', caller, request_id: 'req_1' })).toMatchObject(
      {
        class_uid: 6005,
        activity_id: 10,
        type_uid: 600_510,
        severity_id: 1,
        status_id: 1,
        status: 'Success',
        metadata: { version: '1.8.0', uid: 'evt_1', sequence: 7, correlation_uid: 'req_1', tenant_uid: 'default' },
        actor: { user: { uid: 'staff:Ann', type_id: 1, groups: [{ name: 'billing' }] } },
        table: { name: 'card' },
        unmapped: { token: 'card_0', purpose: 'process-payment', fields: ['number'] },
      },
    )
  })

  it('that was refused is a failure with its code', () => {
    const refused = { ...facts, type: 'request.refuse', outcome: 'refused', code: 'scope-missing', caller } as const
    const expected = { class_uid: 6003, activity_name: 'request.refuse', status_id: 2, status_code: 'scope-missing' }
    expect(convert(refused)).toMatchObject({ ...expected, severity_id: 2 })
  })
})

it('gives a token to the person that an operator signs it for', () => {
  const caller = { id: 'operator:root', kind: 'operator' } as const
  const issued = convert({ type: 'token.issue', outcome: 'success', caller, subject: 'staff:Ann' })
  expect(issued).toMatchObject({ user: { uid: 'staff:Ann' }, actor: { user: { uid: 'operator:root', type_id: 2 } } })
})

it.each([
  ['198.51.100.7', { ip: '198.51.100.7' }],
  ['2001:db8::7', { ip: '2001:db8::7' }],
  ['192.0.2.0/24', { subnet_uid: '192.0.2.0/24' }],
  ['host:desk', { hostname: 'desk' }],
  ['unknown', {}],
])('comes from %s', (source, endpoint) => {
  const caller = { id: 'client_1', kind: 'client', source } as const
  const event = convert({ type: 'record.read', outcome: 'success', caller })
  expect(event.src_endpoint).toEqual({ name: 'client_1', ...endpoint })
})

it('is a failed logon of the claimed client where a log-in was refused', () => {
  const facts = { code: 'invalid-client', subject: 'client_1', source: '198.51.100.7' } as const
  expect(convert({ type: 'request.refuse', outcome: 'refused', ...facts })).toMatchObject({
    class_uid: 3002,
    activity_id: 1,
    status: 'Failure',
    user: { uid: 'client_1' },
    src_endpoint: { ip: '198.51.100.7' },
  })
})

it.each(auditEventTypes)('knows %s by itself', (type) => {
  const isCall = /^(request|access)\./.test(type)
  expect(convert({ type, outcome: 'success' }).class_uid === 6003).toBe(isCall)
})

it('takes a type of a later version for a call of the API', () => {
  const body = '{"at":"2026-11-24T10:00:00.007Z","format":1,"id":"evt_1","outcome":"success","type":"moon.land"}'
  expect(toOcsf(body, 0, '0.1.0')).toMatchObject({ class_uid: 6003, activity_id: 99, activity_name: 'moon.land' })
})
