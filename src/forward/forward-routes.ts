import { z } from 'zod'
import type { Caller } from '../access/policy/caller.ts'
import { purposes } from '../access/policy/purpose.ts'
import { FORWARD_SCOPE } from '../access/policy/roles.ts'
import { methods } from '../destinations/destination.ts'
import { problemAnswer } from '../http/documents/problem-document.ts'
import { type Answer, type Route, type RouteRequest, route } from '../http/route.ts'
import { optionalMembers } from '../kinds/optional-members.ts'
import type { Idempotency } from '../records/idempotency/idempotency.ts'
import { RECORD_PROBLEMS } from '../records/record/record-problems.ts'
import { Problem } from '../values/problem.ts'
import type { KeptForward } from './commit-intent.ts'
import type { ForwardDeps } from './dependencies.ts'
import { forward } from './forward.ts'
import type { ForwardAnswer } from './forward-record.ts'
import type { ForwardRequest } from './forward-request.ts'
import { permitForward } from './permit-forward.ts'
import { previewForward } from './preview-forward.ts'
import { repeatForward } from './repeat-forward.ts'

const token = z.string().max(100)

const body = z
  .strictObject({
    destination: z.string().max(100).describe('the name of a destination of the set in force'),
    purpose: z.enum(purposes),
    tokens: z
      .strictObject(optionalMembers({ card: token, billing_address: token, shipping_address: token, contact: token }))
      .meta({ id: 'ForwardTokens', description: 'The records that go along, by what they are used for' }),
    ...optionalMembers({
      input: z
        .record(z.string().max(100), z.unknown())
        .describe('what the template of the destination asks for, such as `amount`'),
      headers: z
        .record(z.string().max(100), z.string().max(1024))
        .describe('headers that the destination lets a caller add'),
      method: z.enum(methods).describe('one of the methods of the destination; default: its first'),
      security_code: z.string().max(100).describe('the name of a kept security code of the card; it is used up'),
      dry_run: z.boolean().describe('show the request with its values masked, and send nothing'),
      resend: z
        .boolean()
        .describe(
          'send again what has an unknown outcome, with the same Idempotency-Key; the destination may do it twice',
        ),
    }),
  })
  .meta({ id: 'ForwardRequest', description: 'What is sent to a destination' })

type Body = z.output<typeof body>

const answered = z
  .object({
    status: z.int().describe('the status with which the destination answered'),
    headers: z.record(z.string(), z.string()).describe('the headers that the destination names'),
    body: z
      .unknown()
      .describe(
        'the members that the destination names, as JSON, without the number, the code and the secrets that were sent',
      ),
    event: z.string().describe('the id of the audit event that records the release'),
  })
  .meta({ id: 'ForwardAnswer', description: 'What a destination answered' })

const shown = z
  .object({
    request: z
      .object({
        method: z.string(),
        url: z.string(),
        headers: z.record(z.string(), z.string()),
        body: z.record(z.string(), z.unknown()),
      })
      .describe('values are masked, and secrets have their names'),
    event: z.string().describe('the id of the audit event that records the preview'),
  })
  .meta({ id: 'ForwardPreview', description: 'A request that was not sent' })

const result = z
  .union([answered, shown])
  .meta({ id: 'ForwardResult', description: 'What a destination answered; of a dry run the request' })

export type ForwardRouteDeps = ForwardDeps & { idempotency: Idempotency }

/** `POST /v1/forward` */
export function createForwardRoutes(deps: ForwardRouteDeps): Route<Caller>[] {
  return [
    route<Caller, Body>({
      method: 'POST',
      path: '/v1/forward',
      operationId: 'forward',
      tag: 'Forward',
      description: `The caller names a destination of the set in force, never a URL, and sees neither the records nor the
        secrets. It needs a role that forwards cards, and a contract of the destination's partner that names every field.
        A token must be bound to its sender, as for a card number.

        \`Idempotency-Key\` is required, except for \`dry_run\`. It is kept for 24 hours. While it is, the same request gets the
        same answer and nothing is sent. After \`destination-unavailable\` nothing was sent, and the key is free again. After
        \`destination-timeout\` and \`forward-outcome-unknown\` the request may have arrived: a repetition answers
        \`forward-outcome-unknown\`, and sends only with \`resend\`. \`resend\` and \`security_code\` may differ in a repetition.
        \`event\` is the id of the audit event, which is committed before a byte leaves.`,
      problems: [
        ...RECORD_PROBLEMS,
        'purpose-not-permitted',
        'fields-not-permitted',
        'purpose-not-notified',
        'consent-missing',
        'erasure-postponed',
        'condition-not-met',
        'contract-ended',
        'budget-spent',
        'card-number-in-text',
        'invalid-idempotency-key',
        'destination-not-found',
        'destination-unavailable',
        'destination-timeout',
        'forward-outcome-unknown',
        'security-code-not-found',
      ],
      summary: 'Send a stored card to a destination, without seeing it',
      access: [FORWARD_SCOPE],
      audited: true,
      provesCaller: true,
      idempotent: true,
      asked: (sent) => ({ purpose: purposes.find((purpose) => purpose === (sent as Partial<Body>)?.purpose) }),
      body,
      examples: {
        'A payment': {
          destination: 'acquirer',
          purpose: 'process-payment',
          tokens: { card: 'card_3v8m2q7x0k5n1r6t9w4y2b8d3f' },
          input: { amount: 12900, reference: 'order-1042' },
        },
      },
      responses: {
        200: {
          description: 'what the destination answered; with `dry_run` the request that would be sent',
          schema: result,
        },
      },
      handle: (request) => handle(deps, request),
    }),
  ]
}

async function handle(deps: ForwardRouteDeps, request: RouteRequest<Caller, Body>): Promise<Answer> {
  const { caller, headers, body } = request
  const wanted = requestOf(body)
  const permitting = permitForward(deps, caller, wanted)
  permitting.catch(() => {})
  if (body.dry_run) {
    const preview = await previewForward(deps, caller, wanted, { permitted: await permitting, facts: request })
    return { status: 200, body: preview }
  }
  const key = headers['idempotency-key']
  const answer = (result: ForwardAnswer | Problem): Answer =>
    // The problem is returned, not thrown, because its event has committed already.
    result instanceof Problem ? problemAnswer(result, request.requestId, deps.issuer) : { status: 200, body: result }
  try {
    if (key === undefined) {
      throw new Problem('invalid-idempotency-key', { detail: 'a forward needs an Idempotency-Key' })
    }
    // What is kept for the key is looked up in the meantime.
    return await deps.idempotency.once<KeptForward>(
      { caller, key, call: ['forward', ''], body: { value: comparable(request.bodyValue), bytes: request.bodyBytes } },
      async (reserve) => {
        const attempt = { reserve: reserve! }
        return answer(await forward(deps, caller, wanted, { permitted: await permitting, facts: request, attempt }))
      },
      async (kept, commit) => {
        const repeated = { kept, commit, permitted: await permitting, facts: request, resend: body.resend ?? false }
        return answer(await repeatForward(deps, caller, wanted, repeated))
      },
    )
  } catch (error) {
    // What the caller may not do comes before anything else that is wrong.
    await permitting
    throw error
  }
}

function requestOf({
  destination,
  purpose,
  tokens,
  input = {},
  headers = {},
  method,
  security_code,
}: Body): ForwardRequest {
  return { destination, purpose, tokens, input, headers, method, securityCode: security_code }
}

/**
 * What makes two requests the same. A code is used up by the first attempt, so a further one has another or none. A dry
 * run has no key, so what is compared is none.
 */
function comparable(body: unknown): unknown {
  const { resend: _, dry_run: __, security_code: ___, ...rest } = body as Body
  return rest
}
