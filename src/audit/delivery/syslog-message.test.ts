import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createNewAuditEvent } from '../event/new-audit-event.ts'
import { inFrame, syslogMessage } from './syslog-message.ts'
import { parseReceiver } from './syslog-receiver.ts'

const newAuditEvent = createNewAuditEvent(
  () => new Date('2026-11-24T10:00:00.007Z'),
  () => 'evt_1',
)

/** RFC 5424, section 6, read strictly: printable ASCII in the header, quoted values with their three escapes. */
const MESSAGE =
  /^<(\d{1,3})>1 (\S+) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) \[([!-~]{1,32})((?: [!-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] (.*)$/su

function parse(message: string) {
  const [, priority, at, host, app, process, type, sdId, parameters, text] = MESSAGE.exec(message)!
  const values = [...parameters!.matchAll(/ ([!-~]+)="((?:[^"\\\]]|\\["\\\]])*)"/gsu)].map(([, name, value]) => [
    name!,
    value!.replaceAll(/\\(["\\\]])/g, '$1'),
  ])
  const facts = Object.fromEntries(values) as Record<string, string>
  return { priority: Number(priority), at, host, app, process, type, sdId, facts, text: text! }
}

const messageOf = (caller: string, outcome: 'success' | 'refused' | 'failed' = 'success') => {
  const { body } = newAuditEvent({
    type: 'record.reveal',
    outcome,
    caller: { id: caller, kind: 'staff' },
    token: 'card_0',
  })
  return syslogMessage({ sequence: 7, body }, body, 'vault.example')
}

it('is these bytes', () => {
  expect(messageOf('staff:Ann')).toBe(
    '<110>1 2026-11-24T10:00:00.007Z vault.example strongroom - record.reveal ' +
      '[audit@32473 sequence="7" caller="staff:Ann" id="evt_1" outcome="success" token="card_0"] ' +
      '{"at":"2026-11-24T10:00:00.007Z","caller":{"id":"staff:Ann","kind":"staff"},"format":1,"id":"evt_1",' +
      '"outcome":"success","token":"card_0","type":"record.reveal"}',
  )
})

it.each([
  ['success', 110],
  ['refused', 108],
  ['failed', 107],
] as const)('has the severity of its outcome: %s', (outcome, priority) => {
  expect(parse(messageOf('a', outcome)).priority).toBe(priority)
})

it('stays one message of one line with any name in it, and parses to the same event', () => {
  const strange = fc.constantFrom(
    '"',
    '\\',
    ']',
    '\n',
    '\r',
    '\0',
    '\u2028',
    '\u0085',
    'é',
    '\u{1F600}',
    '<34>1 ',
    '[a@1 b="c"]',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(strange, fc.string({ unit: 'grapheme' }))), (parts) => {
      const caller = parts.join('').toWellFormed()
      const message = messageOf(caller)
      const { text, facts, type, sdId } = parse(message)
      expect(message).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
      expect(text).toMatch(/^[ -~]*$/)
      expect(JSON.parse(text).caller.id).toBe(caller)
      expect([type, sdId, facts.sequence, facts.outcome]).toEqual(['record.reveal', 'audit@32473', '7', 'success'])
      if (!/[\p{C}\u2028\u2029]/u.test(caller)) expect(facts.caller).toBe(caller)
    }),
  )
})

it('has a host of what a header may hold', () => {
  const { body } = newAuditEvent({ type: 'key.create', outcome: 'success' })
  expect(parse(syslogMessage({ sequence: 0, body }, body, 'a b\n<é>')).host).toBe('ab<>')
  expect(parse(syslogMessage({ sequence: 0, body }, body, '')).host).toBe('-')
})

it('follows its length in bytes, not in characters', () => {
  expect(inFrame('é')).toBe('2 é')
})

describe('a receiver', () => {
  it.each([
    ['tls://siem.example', { protocol: 'tls', host: 'siem.example', port: 6514 }],
    ['tls://siem.example:7000/', { protocol: 'tls', host: 'siem.example', port: 7000 }],
    ['tcp://10.0.0.1:601', { protocol: 'tcp', host: '10.0.0.1', port: 601 }],
    ['tls://[::1]', { protocol: 'tls', host: '::1', port: 6514 }],
  ])('%s', (text, receiver) => {
    expect(parseReceiver(text)).toEqual(receiver)
  })

  it.each([
    'siem.example',
    'tcp://siem.example',
    'https://siem.example',
    'udp://siem.example:514',
    'tls://',
    'tls://a@b',
    'tls://b/path',
    'tls://b?c',
    'constructor://b:1',
  ])('%s is none', (text) => {
    expect(parseReceiver(text)).toBeUndefined()
  })
})
