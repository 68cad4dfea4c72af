import { z } from 'zod'
import type { Caller } from '../../access/policy/caller.ts'
import { type Route, route } from '../../http/route.ts'
import type { RecordDeps } from '../../records/dependencies.ts'
import type { Idempotency } from '../../records/idempotency/idempotency.ts'
import { replayEvents, runOnce } from '../../records/idempotency/run-once.ts'
import { CHANGE_PROBLEMS } from '../../records/record/record-problems.ts'
import { customerSchema } from '../../records/tokenize/checkout-schema.ts'
import { type CustomerErasure, eraseCustomer } from './erase-customer.ts'

const answerSchema = z
  .object({
    customer: z.string().describe('As it was sent'),
    erased: z.int().describe('how many records are gone; their tokens are answered with 410 from now on'),
    postponed: z.int().describe('how many records a hold keeps; they are erased once it is released'),
    event: z.string().describe('the id of the audit event of the whole; each record has its own'),
  })
  .meta({ id: 'CustomerErased', description: 'What became of the records of a customer' })

/** `POST /v1/customers/erase`: a POST, so that no reference of a shopper is in a URL. */
export function createCustomerErasureRoutes(deps: RecordDeps & { idempotency: Idempotency }): Route<Caller>[] {
  const bodySchema = z
    .strictObject({ customer: customerSchema, ...deps.why.changeMembers })
    .meta({ id: 'CustomerErasure', description: 'Whose records are erased, and why' })
  return [
    route<Caller, z.output<typeof bodySchema>>({
      method: 'POST',
      path: '/v1/customers/erase',
      operationId: 'eraseCustomer',
      tag: 'Privacy',
      summary: 'Erase all records of a customer',
      description: `All records of the customer on the site of the caller are gone, with all their versions and search terms. Their
        events stay. Nothing is erased unless the caller may erase each of them. A record that a hold keeps is erased once the hold
        is released. More than a hundred records go in several steps: if the call fails, call again, and it does the rest.`,
      access: ['token:erase'],
      audited: true,
      idempotent: true,
      problems: ['card-number-in-text', 'record-gone', 'record-integrity', ...CHANGE_PROBLEMS],
      body: bodySchema,
      examples: { 'A shopper who asked for it': { customer: 'cus_1042', reason: 'DSR-1042' } },
      responses: { 200: { description: 'what became of the records', schema: answerSchema } },
      handle: (request) =>
        runOnce<CustomerErasure>(
          deps,
          request,
          'erase-customer',
          async (reserve) => ({
            status: 200,
            body: await eraseCustomer(deps, request.caller, request.body, request, reserve),
          }),
          async (body, commit) => {
            await commit(
              await replayEvents(deps, request, { type: 'customer.erase', tokens: [], events: [body.event] }),
            )
            return { status: 200, body }
          },
        ),
    }),
  ]
}
