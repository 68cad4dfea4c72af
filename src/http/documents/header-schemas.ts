import { z } from 'zod'
import type { ZodOpenApiHeaderObject } from 'zod-openapi'

/** The headers of answers that a client reads. */
export const answerHeaders = {
  'Request-Id': {
    description: 'Names the request in the log of the vault and in its audit events',
    required: true,
    schema: { type: 'string', examples: ['req_3v8m2q7x0k5n1r6t9w4y2b8d3f'] },
  },
  'Retry-After': {
    description: 'The seconds after which the same request may succeed (RFC 9110 section 10.2.3)',
    schema: { type: 'integer', minimum: 0, examples: [1] },
  },
  'WWW-Authenticate': {
    description:
      'The credentials that are asked for (RFC 9110 section 11.6.1, RFC 9449 section 7.1, RFC 9728 section 5.1)',
    schema: {
      type: 'string',
      examples: ['Bearer realm="strongroom", DPoP algs="ES256 EdDSA PS256", realm="strongroom"'],
    },
  },
  'Idempotent-Replayed': {
    description: 'Present when the answer repeats that of an earlier request with the same Idempotency-Key',
    schema: { type: 'string', const: 'true' },
  },
} as const satisfies Record<string, ZodOpenApiHeaderObject>

export type AnswerHeader = keyof typeof answerHeaders

/** References to them. */
export function headersNamed(...names: readonly AnswerHeader[]) {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

/** RFC 9110 section 5.5 lets no space be at its ends. Without an example: one key for all that a viewer sends is refused. */
export const idempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[!-~](?:[ -~]*[!-~])?$/)
  .optional()
  .meta({
    param: { id: 'IdempotencyKey' },
    description:
      'Makes the call safe to repeat: for 24 hours the same key with the same call and body gives the same answer',
  })
