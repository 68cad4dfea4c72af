import { z } from 'zod'
import type { FindContract } from '../../access/callers/find-contract.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { revealScopes } from '../../access/policy/roles.ts'
import { problemAnswer } from '../../http/documents/problem-document.ts'
import { type Route, route } from '../../http/route.ts'
import { kindNames } from '../../kinds/registry.ts'
import { knownValues } from '../../values/known-values.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency, ReserveKey } from '../idempotency/idempotency.ts'
import { runOnce } from '../idempotency/run-once.ts'
import { askedIn } from '../record/asked.ts'
import { RECORD_PROBLEMS, RELEASE_PROBLEMS } from '../record/record-problems.ts'
import { exampleToken, tokenParameter } from '../record/record-schemas.ts'
import type { PlannedEvents } from './commit-opened.ts'
import { releaseToPartner } from './release-to-partner.ts'
import { revealFields, revealScopesFor, revealWhy } from './reveal-request.ts'

const partner = z
  .string()
  .regex(/^partner_[0-9a-z]{1,40}$/)
  .meta({ description: 'The id of the partner', examples: ['partner_3v8m2q7x0k5n1r6t9w4y2b8d3f'] })

const partnerReleaseSchema = z
  .object({
    token: z.string().meta({ description: 'The token of the record', examples: [exampleToken] }),
    kind: knownValues(kindNames),
    jwe: z.string().describe('The answer of a reveal as a JWE (RFC 7516) that only the partner opens'),
    event: z.string().describe('The id of the audit event that records the release'),
  })
  .meta({ id: 'PartnerRelease', description: 'What was released to the key of a partner' })

/** The release of one record to a partner's key. A replay looks again, as that of a reveal does. */
export function createReleaseRoutes(
  deps: RecordDeps & { findContract: FindContract; idempotency: Idempotency },
): Route<Caller>[] {
  const body = z.strictObject({ partner, ...revealWhy(deps.why), fields: revealFields }).meta({
    id: 'PartnerReleaseRequest',
    description: 'The partner to whose key a record is released, what for, and which of its fields',
  })
  return [
    route<Caller, z.output<typeof body>>({
      method: 'POST',
      path: '/v1/tokens/:token/release',
      operationId: 'releaseRecord',
      tag: 'Records',
      description: `The fields that both the role of the caller grants and the contract of the partner names leave as a JWE
        (RFC 7516, \`A256GCM\`) to the first key of the partner, so the caller cannot read them. Everything else is as in a
        reveal: scope, bound token for a card number, consent, approvals and budgets. An approval is for this
        partner alone.

        The JWE holds the JSON that a reveal answers: \`token\`, \`kind\`, \`data\` and \`event\`. Its header names the key
        (\`kid\`). The audit event \`record.release\` names the partner, and is committed before the answer leaves.`,
      params: { token: tokenParameter },
      problems: [...RECORD_PROBLEMS, ...RELEASE_PROBLEMS],
      summary: 'Release the granted fields of a record to the key of a partner',
      access: revealScopes,
      scopesFor: revealScopesFor,
      audited: true,
      provesCaller: true,
      idempotent: true,
      asked: askedIn,
      body,
      examples: {
        'All granted fields': { partner: 'partner_3v8m2q7x0k5n1r6t9w4y2b8d3f', purpose: 'provide-goods' },
      },
      responses: { 200: { description: 'the JWE, and the id of the event', schema: partnerReleaseSchema } },
      handle: (request) => {
        const { break_glass: breakGlass, ...rest } = request.body
        const input = { ...rest, breakGlass, token: request.params.token ?? '' }
        const release = async (reserve?: ReserveKey, replayOf?: PlannedEvents) => {
          const extra = { idempotency: reserve, replayOf }
          const result = await releaseToPartner(deps, request.caller, input, request, extra)
          // The problem is returned, not thrown, because its event has committed already.
          if ('problem' in result) return problemAnswer(result.problem, request.requestId, deps.issuer)
          return { status: 200, body: result }
        }
        return runOnce<PlannedEvents>(deps, request, 'release', release, (kept) => release(undefined, kept))
      },
    }),
  ]
}
