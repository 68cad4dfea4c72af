import { z } from 'zod'
import type { Caller } from '../access/policy/caller.ts'
import { type Route, route } from '../http/route.ts'
import { optionalMembers } from '../kinds/optional-members.ts'
import { exampleCardToken } from '../records/record/record-schemas.ts'
import { Sensitive } from '../values/sensitive.ts'
import { codeSchema, keptCodeSchema } from './code-schema.ts'
import { type KeepCodeDeps, keepCode } from './keep-code.ts'
import { MAX_MINUTES } from './security-code.ts'

const body = z
  .strictObject({
    card: z
      .string()
      .max(100)
      .meta({ description: 'The token of the card', examples: [exampleCardToken] }),
    code: codeSchema.transform((code) => new Sensitive(code)),
    ...optionalMembers({
      minutes: z.int().min(1).max(MAX_MINUTES).describe('how long it is kept at the most; default: 15'),
    }),
  })
  .meta({ id: 'SecurityCode', description: 'The security code of a card' })

/** `POST /v1/security-codes`. It has no Idempotency-Key: nothing of a code is kept for a repeated request. */
export function createSecurityCodeRoutes(deps: KeepCodeDeps): Route<Caller>[] {
  return [
    route<Caller, z.output<typeof body>>({
      method: 'POST',
      path: '/v1/security-codes',
      operationId: 'keepSecurityCode',
      tag: 'Security codes',
      description: `The code has as many digits as the brand of the card prints. It is encrypted to keys that are only in the
        memory of the servers. Its first use takes it away, and so do its end, a crash of the database and a restart of all
        servers. It goes with this card only. No call shows it.`,
      problems: ['record-not-found', 'record-gone', 'record-integrity', 'too-many-requests'],
      summary: 'Keep the security code of a card for one forward',
      access: ['tokenize'],
      audited: true,
      limit: ({ caller }) => deps.codeLimit.consume(caller),
      body,
      examples: { 'Of a card': { card: exampleCardToken, code: '123' } },
      responses: { 201: { description: 'the name of the code', schema: keptCodeSchema } },
      handle: async (request) => ({ status: 201, body: await keepCode(deps, request.caller, request.body, request) }),
    }),
  ]
}
