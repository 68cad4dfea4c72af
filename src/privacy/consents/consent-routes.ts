import { z } from 'zod'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../../http/route.ts'
import type { MessageKey } from '../../keys/message-key.ts'
import { consentName, slug } from '../../kinds/clear-value.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import type { RecordDeps } from '../../records/dependencies.ts'
import type { Idempotency, ReserveKey } from '../../records/idempotency/idempotency.ts'
import { replayEvents, runOnce } from '../../records/idempotency/run-once.ts'
import { customerSchema } from '../../records/tokenize/checkout-schema.ts'
import { issue } from '../../values/parse-input.ts'
import { type ChangedRecords, changeConsents } from './change-consents.ts'
import type { ConsentRequest } from './consent-change.ts'
import { consentReceipt } from './consent-receipt.ts'
import { signReceipt } from './sign-receipt.ts'

export interface ConsentRouteDeps extends RecordDeps {
  idempotency: Idempotency
  receiptKey: () => Promise<MessageKey>
}

const MOST = 32
const wording = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('SHA-256 of the wording that the shopper agreed to, in hexadecimal; default: that of the policy')

const given = z
  .union([
    consentName,
    z
      .strictObject({ consent: consentName, wording: wording.optional() })
      .meta({ id: 'WordedConsent', description: 'A consent with the wording that the shopper agreed to' }),
  ])
  .meta({ id: 'GivenConsent', description: 'A consent by its name, or with its wording' })

const bodySchema = z
  .strictObject({
    customer: customerSchema,
    ...optionalMembers({
      policy_version: slug.describe(
        'the version of the privacy policy that the shopper was shown with it; the records go by it from then on',
      ),
      give: z.array(given).max(MOST).describe('what the shopper agrees to, by name'),
      withdraw: z.array(consentName).max(MOST).describe('what the shopper no longer agrees to, by name'),
    }),
  })
  .superRefine(({ give = [], withdraw = [] }, context) => {
    if (give.length + withdraw.length === 0) {
      context.addIssue({ code: 'custom', ...issue('invalid-input', 'expected something in give or in withdraw') })
    }
    for (const [at, one] of give.entries()) {
      if (!withdraw.includes(typeof one === 'string' ? one : one.consent)) continue
      context.addIssue({ code: 'custom', ...issue('invalid-input', 'is withdrawn too', ['give', at]) })
    }
  })
  .transform(
    ({ customer, policy_version, give = [], withdraw = [] }): ConsentRequest => ({
      customer,
      policyVersion: policy_version,
      give: give.map((one) => (typeof one === 'string' ? { consent: one } : one)),
      withdraw,
    }),
  )
  .meta({ id: 'ConsentChange', description: 'What a shopper agrees to, and no longer agrees to' })

const answerSchema = z
  .object({
    customer: z.string().describe('As it was sent'),
    records: z.int().describe('how many records of the customer there are'),
    changed: z.int().describe('how many of them have other consents than before'),
    erased: z.int().describe('how many cards were erased, because the consent to keep them was withdrawn'),
    consents: z.array(z.string()).describe('what the customer agrees to now, on at least one record'),
    receipt: z
      .string()
      .describe(
        'the receipt for the shopper (ISO/IEC TS 27560), as a compact JWS; GET /v1/privacy-policy/receipt-keys verifies it',
      ),
    event: z.string().describe('the id of the audit event of the receipt'),
  })
  .meta({ id: 'ConsentsChanged', description: 'The consents of a customer after a change' })

type ConsentAnswer = z.output<typeof answerSchema>

/** What shoppers agree to after their checkout. */
export function createConsentRoutes(deps: ConsentRouteDeps): Route<Caller>[] {
  return [
    route<Caller, ConsentRequest>({
      method: 'POST',
      path: '/v1/customers/consents',
      operationId: 'changeConsents',
      tag: 'Privacy',
      summary: 'Give and withdraw consents of a customer',
      description: `Changes all records of the customer on the site of the caller at once; it holds from the next request on. A
        change that is there already changes nothing. To withdraw \`store-card\` erases the cards that were kept under it and
        leaves everything else.`,
      access: ['consent:write'],
      audited: true,
      idempotent: true,
      problems: ['card-number-in-text', 'unknown-policy-version', 'record-integrity', 'record-gone'],
      body: bodySchema,
      examples: {
        'Give a consent': { customer: 'cus_1042', give: ['marketing'] },
        'Withdraw the consent to keep cards': { customer: 'cus_1042', withdraw: ['store-card'] },
      },
      responses: { 200: { description: 'the consents now, with a receipt', schema: answerSchema } },
      handle: (request) =>
        runOnce<ConsentAnswer>(
          deps,
          request,
          'consents',
          async (reserve) => ({ status: 200, body: await change(deps, request, reserve) }),
          async (body, commit) => {
            const repeated = { type: 'consent.receipt', tokens: [], events: [body.event] } as const
            await commit(await replayEvents(deps, request, repeated))
            return { status: 200, body }
          },
        ),
    }),
  ]
}

function change(
  deps: ConsentRouteDeps,
  request: RouteRequest<Caller, ConsentRequest>,
  reserve: ReserveKey | undefined,
): Promise<ConsentAnswer> {
  const { body, caller } = request
  return changeConsents(deps, caller, body, request, async (changed) => {
    const event = receiptEvent(deps, request, changed)
    const about = { id: event.id, issuer: deps.issuer, customer: body.customer, site: caller.site }
    const receipt = consentReceipt({ ...about, withdrawn: body.withdraw }, changed)
    const { records, erased } = changed
    const answer: ConsentAnswer = {
      customer: body.customer,
      records: records.length,
      changed: changed.changed,
      erased: erased.length,
      consents: [...new Set(records.flatMap(({ agreements }) => agreements.map(({ consent }) => consent)))],
      receipt: await signReceipt(await deps.receiptKey(), receipt),
      event: event.id,
    }
    return { answer, events: [event], idempotency: reserve?.(answer) }
  })
}

function receiptEvent(
  { newAuditEvent }: Pick<ConsentRouteDeps, 'newAuditEvent'>,
  request: RouteRequest<Caller>,
  { records }: ChangedRecords,
) {
  const { caller, requestId } = request
  return newAuditEvent({
    type: 'consent.receipt',
    outcome: 'success',
    request_id: requestId,
    caller: auditCaller(caller, request),
    site: caller.site,
    count: records.length,
    tokens: records.length === 0 ? undefined : records.map(({ token }) => token),
  })
}
