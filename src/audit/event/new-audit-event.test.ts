import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNewId, timeOfId } from '../../values/identifier.ts'
import { type AuditFacts, auditEventTypes } from './audit-event.ts'
import { createNewAuditEvent } from './new-audit-event.ts'
import { leaveOutRecord } from './unfinished-event.ts'

const AT = new Date('2026-11-24T10:00:00.007Z')
const newAuditEvent = createNewAuditEvent(
  () => AT,
  (prefix) => `${prefix}_1`,
)
const bodyOf = (facts: AuditFacts) => newAuditEvent(facts).body

describe('the canonical form of an event', () => {
  it('is these bytes: sorted members, no white space', () => {
    const body = bodyOf({
      type: 'record.reveal',
      outcome: 'success',
      token: 'card_0',
      request_id: 'req_1',
      caller: { role: 'billing', kind: 'staff', id: 'staff:Ann' },
      purpose: 'process-payment',
      fields: ['number', 'exp_year'],
      record_version: 2,
      site: 'default',
      kind: 'card',
    })
    expect(body).toBe(
      '{"at":"2026-11-24T10:00:00.007Z","caller":{"id":"staff:Ann","kind":"staff","role":"billing"},' +
        '"fields":["number","exp_year"],"format":1,"id":"evt_1","kind":"card","outcome":"success",' +
        '"purpose":"process-payment","record_version":2,"request_id":"req_1","site":"default","token":"card_0",' +
        '"type":"record.reveal"}',
    )
  })

  it('writes unicode as RFC 8785 section 3.2.2.2 says, checked byte by byte', () => {
    // The RFC's own example of a string, and what JSON.stringify of other languages escapes: / € U+2028 😀 U+007F.
    const subject = '\u20ac$\u000f\nA\'B"\\\\"/\b\t\f\r\u2028\u{1F600}\u007f'
    const before = '{"at":"2026-11-24T10:00:00.007Z","format":1,"id":"evt_1","outcome":"success","subject":"'
    const text = '\\u000f\\nA\'B\\"\\\\\\\\\\"/\\b\\t\\f\\r'
    const expected = Buffer.concat([
      Buffer.from(before, 'ascii'),
      Buffer.of(0xe2, 0x82, 0xac, 0x24),
      Buffer.from(text, 'ascii'),
      Buffer.of(0xe2, 0x80, 0xa8, 0xf0, 0x9f, 0x98, 0x80, 0x7f),
      Buffer.from('","type":"client.add"}', 'ascii'),
    ])
    expect(Buffer.from(bodyOf({ type: 'client.add', outcome: 'success', subject }), 'utf8')).toEqual(expected)
  })

  it('does not normalise a text', () => {
    const composed = bodyOf({ type: 'client.add', outcome: 'success', subject: '\u00e9' })
    const decomposed = bodyOf({ type: 'client.add', outcome: 'success', subject: 'e\u0301' })
    expect(composed).not.toBe(decomposed)
  })

  it.each([
    [0, '0'],
    [-0, '0'],
    [1000, '1000'],
    [1e21, '1e+21'],
    [9007199254740991, '9007199254740991'],
  ])('writes the number %d as %s', (count, text) => {
    expect(bodyOf({ type: 'keys.rotate', outcome: 'success', count })).toContain(`"count":${text},`)
  })

  it('leaves out absent members, in the caller too', () => {
    const body = bodyOf({
      type: 'audit.read',
      outcome: 'success',
      token: undefined,
      caller: { id: 'client_1', kind: 'client', role: undefined },
    })
    expect(body).toBe(
      '{"at":"2026-11-24T10:00:00.007Z","caller":{"id":"client_1","kind":"client"},"format":1,"id":"evt_1",' +
        '"outcome":"success","type":"audit.read"}',
    )
  })

  it('is the same for any order of the facts, and parses to them', () => {
    const text = fc.option(fc.string(), { nil: undefined })
    const facts: fc.Arbitrary<AuditFacts> = fc.record({
      type: fc.constantFrom(...auditEventTypes),
      outcome: fc.constantFrom('success', 'refused', 'failed'),
      caller: fc.record({ id: fc.string(), kind: fc.constantFrom('client', 'staff', 'operator'), role: text }),
      token: text,
      site: text,
      subject: text,
      code: text,
      route: text,
      purpose: text,
      replay_of: text,
      fields: fc.option(fc.array(fc.string()), { nil: undefined }),
      count: fc.option(fc.nat(), { nil: undefined }),
    })
    fc.assert(
      fc.property(facts, (given) => {
        const reversed = Object.fromEntries(Object.entries(given).reverse()) as unknown as AuditFacts
        const body = bodyOf(given)
        expect(bodyOf(reversed)).toBe(body)
        const members = JSON.parse(body) as Record<string, unknown>
        expect(members).toEqual({ ...JSON.parse(JSON.stringify(given)), format: 1, id: 'evt_1', at: AT.toISOString() })
        expect(body).toBe(canonicalize(members))
      }),
    )
  })
})

describe('an event that leaves out its record', () => {
  const facts = {
    type: 'record.reveal',
    outcome: 'success',
    // What a text holds is not a gap.
    caller: { id: '"policy_version":"?","record_version":0,', kind: 'staff' },
    site: '"record_version":0,',
  } as const satisfies AuditFacts

  it.each([
    ['2026-11-01', '"policy_version":"2026-11-01",'],
    [undefined, ''],
  ])('is whole when the policy version %s and the record version are put between its pieces', (policy, member) => {
    const { body } = leaveOutRecord(newAuditEvent, facts)
    const [head, middle, tail] = body
    const whole = bodyOf({ ...facts, policy_version: policy, record_version: 12 })
    expect(`${head}${member}${middle}"record_version":12,${tail}`).toBe(whole)
  })
})

describe('an event', () => {
  it('repeats in its columns what the log is searched by', () => {
    const caller = { id: 'client_1', kind: 'client' } as const
    expect(newAuditEvent({ type: 'record.read', outcome: 'success', token: 'card_0', caller })).toMatchObject({
      id: 'evt_1',
      occurredAt: AT,
      type: 'record.read',
      caller: 'client_1',
      token: 'card_0',
    })
    expect(newAuditEvent({ type: 'audit.read', outcome: 'success' })).toMatchObject({ caller: null, token: null })
  })

  it('has the time in its id that it says, though the clock moves on', () => {
    let ticks = AT.getTime()
    const clock = () => new Date(ticks++)
    const make = createNewAuditEvent(
      clock,
      createNewId(clock, () => Buffer.alloc(10, 7)),
    )
    const { id, occurredAt, body } = make({ type: 'audit.read', outcome: 'success' })
    expect(timeOfId(id)).toBe(occurredAt.getTime())
    expect(JSON.parse(body).at).toBe(occurredAt.toISOString())
  })

  it('has a source: its own, else that of its caller, else the machine', () => {
    const make = createNewAuditEvent(
      () => AT,
      () => 'evt_1',
      'desk',
    )
    const caller = { id: 'operator:ada', kind: 'operator', source: '198.51.100.4', account: 'root' } as const
    const read = { type: 'audit.read', outcome: 'success' } as const
    const factsOf = (facts: AuditFacts) => JSON.parse(make(facts).body) as Record<string, unknown>
    expect(factsOf({ ...read, caller })).toMatchObject({ source: '198.51.100.4', account: 'root' })
    expect(factsOf({ ...read, caller }).caller).toEqual({ id: 'operator:ada', kind: 'operator' })
    expect(factsOf({ ...read, source: '192.0.2.1' }).source).toBe('192.0.2.1')
    expect(factsOf(read).source).toBe('host:desk')
    expect(factsOf({ ...read, sources: ['192.0.2.1'] })).not.toHaveProperty('source')
  })

  it('has an id of its own', () => {
    const make = createNewAuditEvent(
      () => AT,
      createNewId(
        () => AT,
        () => Buffer.alloc(10, 7),
      ),
    )
    expect(make({ type: 'audit.read', outcome: 'success' }).id).toMatch(/^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$/)
  })
})
