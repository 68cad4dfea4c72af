import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { certificates, hostFault, isHttpsOrigin, partnerId } from './endpoint-schema.ts'

const MAX_RECEIVERS = 200
/** RFC 3986 section 3.3 without escapes. */
const PATH = /^(\/[A-Za-z0-9._~!$&'()*+,;=:@-]*)+$/

const receiver = z
  .strictObject({
    url: z
      .string()
      .max(800)
      .refine(
        isPlainUrl,
        issue('invalid-input', 'expected https://host/path without user, query, fragment and escapes'),
      ),
    ca: certificates.optional(),
    private_addresses: z.boolean().default(false),
  })
  .superRefine(
    ({ url, private_addresses }, context) => {
      const fault = hostFault(url, private_addresses)
      if (fault !== undefined) context.addIssue({ code: 'custom', ...issue('invalid-input', fault, ['url']) })
    },
    { when: ({ issues }) => issues.length === 0 },
  )

/** The receivers in a file of destinations. */
export const receivers = z.strictObject({
  partners: z
    .record(partnerId, receiver)
    .refine((value) => Object.keys(value).length <= MAX_RECEIVERS, {
      ...issue('invalid-input', `at most ${MAX_RECEIVERS} partners`),
    })
    .default({}),
  alerts: receiver.optional(),
})

/** A URL that is an origin and a path, spelled as a connection spells it. */
function isPlainUrl(value: string): boolean {
  const url = URL.parse(value)
  return (
    url !== null && isHttpsOrigin(url.origin) && PATH.test(url.pathname) && `${url.origin}${url.pathname}` === value
  )
}
