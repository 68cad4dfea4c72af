import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { LogEntry } from '../../src/audit/delivery/log-page-store.ts'
import { syslogMessage } from '../../src/audit/delivery/syslog-message.ts'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { logFormats } from '../../src/cli/log-formats.ts'
import { seedEvents, waitUntilLogged } from '../support/seed-events.ts'
import { TestVault } from '../support/test-vault.ts'

/** Names of an attacker who wants to write into the logs and spreadsheets of others. */
const NAMES = [
  'staff:Ann\n<110>1 2026-11-24T10:00:00Z vault strongroom - record.erase - forged',
  'staff:Ann\r\n{"sequence":0,"event":{"type":"forged"}}',
  'staff:Ann"] forged [x@1 y="',
  "=cmd|' /C calc'!A0",
  '+1\r\n2,forged',
  '\t@SUM(1)',
  '＝HYPERLINK("https://forged.example")',
  'staff:Ann\u2028forged\u0085\u0001\u001b[2J',
]

let vault: TestVault
let entries: LogEntry[]

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  const callers = NAMES.map((id): AuditCaller => ({ id, kind: 'staff' }))
  await seedEvents(
    vault,
    callers.map((caller) => ({ at: new Date(), type: 'record.read', outcome: 'success', caller })),
  )
  await waitUntilLogged(vault)
  entries = []
  await vault.commands.deliverLog(
    { id: 'operator:test', kind: 'operator' },
    {
      what: 'export',
      filter: { type: 'record.read' },
      from: 0,
      follow: false,
      signal: new AbortController().signal,
      deliver: async (page) => {
        entries.push(...page)
      },
    },
  )
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const callerOf = (event: { caller: { id: string } }) => event.caller.id

it.each(['jsonl', 'ocsf'] as const)('%s has one line for each event, and the names as they are', (name) => {
  const lines = entries.map((entry) => logFormats[name].format(entry))
  for (const line of lines) expect(line).not.toMatch(/[\r\n]/)
  const names = lines.map((line) => {
    const parsed = JSON.parse(line)
    return name === 'jsonl' ? callerOf(parsed.event) : parsed.actor.user.uid
  })
  expect(names).toEqual(NAMES)
})

it('csv has one record for each event, and no cell that a spreadsheet would calculate', () => {
  const text = logFormats.csv.head + entries.map((entry) => `${logFormats.csv.format(entry)}\r\n`).join('')
  const records = parseCsv(text)
  expect(records).toHaveLength(NAMES.length + 1)
  for (const record of records) {
    expect(record).toHaveLength(records[0]!.length)
    for (const cell of record) expect(cell).not.toMatch(/^[=+\-@\t\r\n＝＋－＠]/)
  }
  expect(records.slice(1).map(([, caller]) => caller!.replace(/^'/, ''))).toEqual(NAMES)
})

it('syslog has one line for each message, and the names inside their quotes', () => {
  for (const [at, entry] of entries.entries()) {
    const message = syslogMessage(entry, entry.body, 'vault')
    expect(message).toMatch(/^<110>1 [^\p{Cc}\u2028\u2029]*$/u)
    const [, data, text] =
      /^\S+ \S+ vault strongroom - record\.read \[audit@32473((?: \w+="(?:[^"\\\]]|\\["\\\]])*")+)\] (.*)$/.exec(
        message,
      )!
    expect(data).toContain(' outcome="success"')
    expect(callerOf(JSON.parse(text!))).toBe(NAMES[at])
  }
})

/** RFC 4180, section 2, read strictly. */
function parseCsv(text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    record.push(quoted === undefined ? plain! : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    records.push(record)
    record = []
  }
  return records
}
