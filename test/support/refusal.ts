import { expect } from 'vitest'
import type { ProblemCode } from '../../src/values/problem-codes.ts'
import { problemTypeOf } from './problems.ts'
import type { Answer } from './raw-tls.ts'
import type { TestVault } from './test-vault.ts'

export interface ExpectedRefusal {
  status: number
  code: ProblemCode
  /** What was sent and must be repeated nowhere: not in the answer, the log, the events or the metrics. */
  input?: string | readonly string[]
  /**
   * What the refusal leaves: an `event`; a `metric` and a log line if no caller can be known yet, because the envelope
   * itself is refused; a metric only (`framing`) for a request that was no well-formed HTTP.
   */
  leaves?: 'event' | 'metric' | 'framing'
}

const DOCUMENT_MEMBERS = [
  'type',
  'title',
  'status',
  'detail',
  'code',
  'request_id',
  'errors',
  'error',
  'error_description',
]
const LOG_MEMBERS = 'level time request_id method route status duration_ms code caller reason claimed_client msg'.split(
  ' ',
)
const EVENT_MEMBERS =
  'format id at made type outcome request_id caller source site token kind purpose fields policy_version code route reason subject'.split(
    ' ',
  )
const FORBIDDEN_HEADERS = ['etag', 'x-powered-by', 'server', 'set-cookie', 'access-control-allow-origin', 'location']

/**
 * Sends what must be refused and checks what every refusal has in common (docs/conformance/attacks.md): a problem document
 * that repeats nothing of the input, kept by no cache, without a stack; no row of any table is added, changed or
 * removed; exactly one audit event, or at least a metric, that holds no value.
 */
export async function expectRefusal(
  vault: TestVault,
  send: () => Promise<Answer>,
  expected: ExpectedRefusal,
): Promise<Answer> {
  await publishKeyOf(vault)
  const before = await takeSnapshot(vault)
  const answer = await send()
  const after = await takeSnapshot(vault)

  const document = expectProblemAnswer(answer, expected)
  expect(after.tables, 'no row is added, changed or removed').toEqual(before.tables)
  expect(count(after.metrics, expected.code) - count(before.metrics, expected.code), 'counted once').toBe(1)
  const { leaves = 'event' } = expected
  const added = after.events.filter((event) => !before.events.includes(event))
  // The display part is opened after its event has committed, which then is an event of a view that failed.
  const events = expected.code === 'record-integrity' ? added.filter((event) => !isView(event)) : added
  const written = after.lines.slice(before.lines.length)
  const lines = written.filter((line) => !isAlert(line))
  expect(events.length, 'audit events').toBe(leaves === 'event' ? 1 : 0)
  expect(lines.length, 'log lines').toBe(leaves === 'framing' ? 0 : 1)
  const alerts = written.filter(isAlert)
  expect(alerts.length, 'alerts').toBe(expected.code === 'record-integrity' ? 1 : 0)
  for (const event of events) expectEvent(event, expected, document.request_id)
  for (const line of lines) expectLogLine(line, expected, document.request_id)

  const places = {
    answer: `${JSON.stringify(answer.headers)} ${answer.text}`,
    'audit log': events.join('\n'),
    metrics: after.metrics,
    log: written.join(''),
    dictionary: after.names.filter((name) => !before.names.includes(name)).join('\n'),
  }
  for (const value of [expected.input ?? []].flat()) {
    for (const [place, text] of Object.entries(places)) {
      for (const form of formsOf(value)) if (text.includes(form)) expect.fail(`the ${place} repeats the input`)
    }
  }
  return answer
}

function isView(event: string): boolean {
  const { type, outcome } = JSON.parse(event) as Record<string, unknown>
  return outcome === 'success' && type === 'record.read'
}

/** Checks the answer alone. @returns the problem document */
export function expectProblemAnswer(
  answer: Answer,
  expected: Pick<ExpectedRefusal, 'status' | 'code'>,
): Record<string, unknown> {
  expect(answer.status, answer.text).toBe(expected.status)
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.headers['strict-transport-security']).toMatch(/^max-age=\d{8}/)
  for (const name of FORBIDDEN_HEADERS) expect(answer.headers[name], name).toBeUndefined()
  const document = JSON.parse(answer.text) as Record<string, unknown>
  expect(answer.headers['content-type']).toBe(problemTypeOf(document))
  expect(Object.keys(document).filter((member) => !DOCUMENT_MEMBERS.includes(member))).toEqual([])
  expect(document).toMatchObject({ status: expected.status, code: expected.code, title: expect.any(String) })
  expect(document.type).toMatch(/^https:\/\/.*\/problems\//)
  expect(document.request_id).toBe(answer.headers['request-id'])
  expect(answer.text).not.toMatch(/node_modules|\.[jt]s:\d+|\bat \w+ \(/)
  return document
}

interface Snapshot {
  /** The content of every table but the audit log, the number reports and the counts, as a hash. */
  tables: Record<string, string>
  events: string[]
  lines: string[]
  /** The names that events have numbers for. */
  names: string[]
  metrics: string
}

const published = new WeakSet<TestVault>()

/** A server does so when it starts, a little behind that. */
async function publishKeyOf(vault: TestVault): Promise<void> {
  if (published.has(vault)) return
  await vault.background.tasks.get('tend-security-codes')?.run()
  published.add(vault)
}

/** Of some tables a part is compared: a server says every 20 seconds until when its key for security codes is good. */
const COMPARED: Readonly<Record<string, string>> = { security_code_keys: 't.public_key' }

/** The event of a refusal may be the first one of its type or of its caller; nothing of records gets a number. */
const IS_OF_RECORDS = "sort NOT IN ('type', 'caller', 'purpose')"

async function takeSnapshot(vault: TestVault): Promise<Snapshot> {
  const { database } = vault
  const tableNames = await database.sql<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('rate_limits', 'kept_limits', 'key_uses', 'audit_claims') AND tablename NOT LIKE 'audit_events%'`,
  )
  const tables: Record<string, string> = {}
  for (const { name } of tableNames) {
    const compared = `(${COMPARED[name] ?? 't'})::text`
    const [row] = await database.sql<{ content: string }>(
      `SELECT count(*) || ' rows, ' || md5(coalesce(string_agg(${compared}, '' ORDER BY ${compared}), '')) AS content FROM ${name} t
       ${name === 'dictionary' ? `WHERE ${IS_OF_RECORDS}` : ''}`,
    )
    tables[name] = row!.content
  }
  const events = await database.sql<{ line: string }>('SELECT body AS line FROM readable.audit_events ORDER BY id')
  const names = await database.sql<{ name: string }>(`SELECT name FROM dictionary WHERE NOT ${IS_OF_RECORDS}`)
  const metrics = (await vault.metrics.text()).body
  return {
    tables,
    events: events.map(({ line }) => line),
    lines: [...vault.logLines],
    names: names.map(({ name }) => name),
    metrics,
  }
}

function expectEvent(line: string, expected: ExpectedRefusal, requestId: unknown): void {
  const event = JSON.parse(line) as Record<string, unknown>
  expect(Object.keys(event).filter((member) => !EVENT_MEMBERS.includes(member))).toEqual([])
  expect(event).toMatchObject({
    type: 'request.refuse',
    source: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
    outcome: expected.status >= 500 ? 'failed' : 'refused',
    code: expected.code,
    request_id: requestId,
  })
}

const isAlert = (line: string) => 'alert' in JSON.parse(line)

function expectLogLine(line: string, expected: ExpectedRefusal, requestId: unknown): void {
  const entry = JSON.parse(line) as Record<string, unknown>
  expect(Object.keys(entry).filter((member) => !LOG_MEMBERS.includes(member))).toEqual([])
  expect(entry).toMatchObject({ status: expected.status, code: expected.code, request_id: requestId })
}

function count(metrics: string, code: string): number {
  return Number(new RegExp(`^strongroom_problems_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(metrics)?.[1] ?? 0)
}

/** A value as it was sent, and as it is in JSON and in a URL. */
function formsOf(value: string): string[] {
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value.toWellFormed())]
}
