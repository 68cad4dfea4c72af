import { z } from 'zod'
import { auditCaller, type Caller } from '../access/policy/caller.ts'
import { purposes } from '../access/policy/purpose.ts'
import { auditEventTypes, type NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { EventAuthenticity } from '../audit/log/event-authenticity.ts'
import type { LogReaders } from '../audit/reading/log-readers.ts'
import { readEvents } from '../audit/reading/read-events.ts'
import { type Route, type RouteRequest, route } from '../http/route.ts'
import { auditEventSchema } from './audit-event-schema.ts'
import { READ_SCOPES, readableSite } from './readable-site.ts'

/** RFC 3339, section 5.6; a date alone is its beginning in UTC. */
const time = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()])
  .meta({
    examples: ['2026-11-24T10:00:00Z'],
    override: ({ jsonSchema }) => {
      delete jsonSchema.anyOf
      jsonSchema.type = 'string'
    },
  })
  .transform((text) => new Date(text))

const querySchema = z.strictObject({
  caller: z
    .string()
    .regex(/^[^\p{C}]{1,200}$/u)
    .optional(),
  token: z
    .string()
    .regex(/^[a-z]+_[0-9a-z]{1,40}$/)
    .optional(),
  type: z.enum(auditEventTypes).optional(),
  purpose: z.enum(purposes).optional(),
  since: time
    .optional()
    .describe('only events of this time or later: RFC 3339, or a date, which is its beginning in UTC'),
  until: time.optional().describe('only events before this time: RFC 3339, or a date'),
  after: z
    .string()
    .regex(/^evt_[0-9a-z]{1,40}$/)
    .optional()
    .describe('the id of the last event of the page before'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})

const pageSchema = z
  .object({
    events: z.array(auditEventSchema),
    next: z.string().nullable().describe('What to pass as `after` for the next page; null at the end'),
  })
  .meta({ id: 'AuditEventPage' })

/** After this time a page is answered with the events that were found so far. */
const PAGE_MS = 50

export interface AuditRouteDeps {
  readers: LogReaders
  authenticity: EventAuthenticity
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
}

/** `GET /v1/audit/events`: the log, a page at a time. Reading it is an event too. */
export function createAuditRoutes(deps: AuditRouteDeps): Route<Caller>[] {
  return [
    route<Caller, undefined, z.output<typeof querySchema>>({
      method: 'GET',
      path: '/v1/audit/events',
      operationId: 'listAuditEvents',
      tag: 'Audit log',
      description: `\`audit:read\` shows the events of the caller's site and those of the whole vault, \`audit:read-all\`
        those of all sites. A page from which a forged row was left out is shorter. Reading events is an event
        too.`,
      summary: 'Audit events in the order of time, a page at a time',
      access: READ_SCOPES,
      audited: true,
      query: querySchema,
      responses: {
        200: {
          description:
            'a page; `next` is what to pass as `after`, null at the end: a page may hold fewer events than `limit`, or none, and still have one. An event that cannot be authenticated now has `unverified`',
          schema: pageSchema,
        },
      },
      handle: async (request: RouteRequest<Caller, undefined, z.output<typeof querySchema>>) => {
        const site = readableSite(request.caller)
        const { events, next } = await deps.readers.read(request.caller.id, (database) =>
          readEvents({ ...deps, database }, { ...request.query, site }, PAGE_MS),
        )
        const read = deps.newAuditEvent({
          type: 'audit.read',
          outcome: 'success',
          request_id: request.requestId,
          caller: auditCaller(request.caller, request),
          site,
          count: events.length,
        })
        await deps.writeAuditEvent(read)
        return { status: 200, body: { events, next } }
      },
    }),
  ]
}
