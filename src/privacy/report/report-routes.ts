import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { type Route, route } from '../../http/route.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import { customerSchema } from '../../records/tokenize/checkout-schema.ts'
import { issue } from '../../values/parse-input.ts'
import { REQUEST_ID } from '../requests/request-store.ts'
import { type CustomerReportDeps, type ReportRequest, reportCustomer } from './customer-report.ts'
import { packReport } from './report-archive.ts'

const ZIP = 'application/zip'

const DAY_MS = 24 * 60 * 60 * 1000

/** RFC 3339; a date alone is the whole day, in UTC. */
const time = z.union([z.iso.datetime({ offset: true }), z.iso.date()]).meta({
  examples: ['2026-11-24T10:00:00Z'],
  override: ({ jsonSchema }) => {
    delete jsonSchema.anyOf
    jsonSchema.type = 'string'
  },
})
const isDate = (text: string) => !text.includes('T')
const beginning = time.transform((text) => new Date(text))
const end = time.transform((text) => new Date(Date.parse(text) + (isDate(text) ? DAY_MS : 0)))

const bodySchema = z
  .strictObject({
    customer: customerSchema,
    ...optionalMembers({
      from: beginning.describe(
        'only disclosures of this time or of this day (UTC) and later; default: all that the log has',
      ),
      to: end.describe('only disclosures before this time, or until the end of this day (UTC); default: now'),
      request: z
        .string()
        .regex(REQUEST_ID)
        .describe(
          'the request of the shopper that is answered; values are in full if a proof of identity is recorded there',
        ),
      copy: z
        .enum(['shopper', 'auditor'])
        .describe(
          "whose copy it is; default: shopper. An auditor's copy also names callers, and what must be withheld",
        ),
    }),
  })
  .superRefine(({ from, to }, context) => {
    if (from === undefined || to === undefined || from < to) return
    context.addIssue({ code: 'custom', ...issue('invalid-input', 'expected a time after from', ['to']) })
  })
  .meta({ id: 'CustomerReportRequest', description: 'What a report is about' })

/** `POST /v1/customers/report`: a POST, so that no reference of a shopper is in a URL. */
export function createReportRoutes(deps: CustomerReportDeps): Route<Caller>[] {
  return [
    route<Caller, ReportRequest>({
      method: 'POST',
      path: '/v1/customers/report',
      operationId: 'reportCustomer',
      tag: 'Privacy',
      summary: 'Everything that is held of a shopper, why, since when, and every disclosure of it, as a zip',
      description: `The zip has \`report.json\` and \`report.html\`, a page to print. Values are masked unless \`request\` names
        a request to see what is held whose proof of identity is recorded; then they are in full as far as the caller's role grants
        them for \`respond-to-query\`. What an authority has ordered to withhold is in the auditor's copy alone, which needs
        \`audit:read\` too. The report is an event.`,
      access: ['customer:report'],
      audited: true,
      problems: [
        'privacy-request-not-found',
        'privacy-request-closed',
        'record-changed',
        'record-integrity',
        'card-number-in-text',
        'too-many-requests',
        'budget-spent',
      ],
      body: bodySchema,
      examples: { 'Masked, of all times': { customer: 'cus_1042' } },
      responses: { 200: { description: 'the report', contentType: ZIP } },
      handle: async (request) => ({
        status: 200,
        body: await packReport(await reportCustomer(deps, request.caller, request.body, request)),
        contentType: ZIP,
        headers: { 'Content-Disposition': 'attachment; filename="customer-report.zip"' },
      }),
    }),
  ]
}
