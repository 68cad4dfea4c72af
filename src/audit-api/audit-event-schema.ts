import { z } from 'zod'
import { auditEventTypes } from '../audit/event/audit-event.ts'
import { knownValues } from '../values/known-values.ts'

const text = z.string().optional()
const texts = z.array(z.string()).optional()

/** What an event is, for the document of the API. The reference says what each member means. */
export const auditEventSchema = z
  .object({
    id: z.string().describe('It begins with the time'),
    at: z.iso.datetime(),
    type: knownValues(auditEventTypes),
    outcome: knownValues(['success', 'refused', 'failed']),
    format: z.int(),
    caller: z
      .object({ id: z.string(), kind: knownValues(['client', 'staff', 'operator', 'vault']), role: text })
      .meta({ id: 'AuditCaller', description: 'Who did it' })
      .optional(),
    site: text,
    source: text.describe('Where it came from'),
    account: text,
    request_id: text,
    token: text,
    tokens: texts,
    kind: text,
    purpose: text,
    fields: texts,
    search_by: text,
    code: text.describe('The code of the problem of a refusal or a failure'),
    route: text,
    approval: text,
    authority: text,
    ticket: text,
    partner: text,
    policy_version: text,
    record_version: z.int().optional(),
    replay_of: text,
    reason: text,
    note: text,
    subject: text,
    count: z.int().optional(),
    checkpoints: text,
    events: texts,
    status: z.int().optional(),
    milliseconds: z.int().optional(),
    address: text,
    migrations: texts,
    minimum_index: z.int().optional(),
    missing: texts,
    public_key: text,
    ranges: texts,
    schema: text,
    since: text,
    until: text,
    sources: texts,
    vouched: z.boolean().optional(),
    unproven: z.boolean().optional(),
    unverified: z.boolean().optional().describe('True while the vault cannot authenticate the event'),
    made: z
      .object({
        process: z.string(),
        number: z.int(),
        settled: z.int().optional(),
        skipped: texts,
        lost: texts,
      })
      .meta({ id: 'EventOrigin', description: 'Which process made the event, and as its how-manieth' })
      .optional(),
  })
  .meta({ id: 'AuditEvent', description: 'What one release, read, change, refusal or command left in the log' })
