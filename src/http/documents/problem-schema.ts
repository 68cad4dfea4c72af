import { z } from 'zod'
import { knownValues } from '../../values/known-values.ts'
import { PROBLEM_CODES } from '../../values/problem-codes.ts'

/** What a problem document is, for the document of the API. */
export const problemSchema = z
  .object({
    type: z.url().describe('The page that explains the code'),
    title: z.string().describe('The code as a sentence for a person. Titles may change'),
    status: z.int().min(400).max(599).describe('The HTTP status'),
    detail: z.string().optional().describe('What is wrong with this request. It never quotes the request'),
    code: knownValues(PROBLEM_CODES).describe('What went wrong, for a program. New codes may come'),
    request_id: z.string().describe('As in the header `Request-Id`'),
    errors: z
      .array(
        z.object({ pointer: z.string(), detail: z.string() }).meta({
          id: 'InputError',
          description:
            'A member of the body that is wrong. `pointer` is a JSON pointer in its URI fragment form (RFC 6901)',
          examples: [{ pointer: '#/card/number', detail: 'has a wrong check digit' }],
        }),
      )
      .optional()
      .describe('The members of the body that are wrong, at most 100'),
    approval: z.string().optional().describe('With `approval-required`: the id of the request that waits'),
    token: z.string().optional().describe('In a result of `POST /v1/reveal`: the record that it concerns'),
  })
  .meta({ id: 'Problem', description: 'Why a request was refused or failed (RFC 9457)' })

export const tokenErrorSchema = z
  .object({
    error: z.string().describe('The code of RFC 6749 section 5.2'),
    error_description: z.string(),
    ...problemSchema.omit({ approval: true, token: true }).shape,
  })
  .meta({ id: 'TokenError', description: 'RFC 6749 section 5.2, with the members of a problem beside' })
