import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { HEADER_VALUE, ownHeader } from './header-name.ts'
import { jwtAlgorithms, messageAlgorithms, requestFacts, type Signer, signedParts } from './signer.ts'
import { secretLeaf, secretName } from './template-schema.ts'

const MAX_SECONDS = 3600

const fixed = z.string().max(1000).regex(HEADER_VALUE)
/** A text that is part of a header: of ASCII, as it stands or from a secret. */
export const text = z.union([fixed, secretLeaf])
const prefix = z
  .string()
  .max(200)
  .regex(/^[ -~]*$/)
const keyEncoding = z.enum(['utf8', 'hex', 'base64'])
const seconds = z.int().min(1).max(MAX_SECONDS)

const basic = z.strictObject({ with: z.literal('basic'), username: text, password: text.optional() })
const bearer = z.strictObject({ with: z.literal('bearer'), secret: secretName })
const inHeader = z.strictObject({
  with: z.literal('header'),
  header: ownHeader,
  secret: secretName,
  prefix: prefix.optional(),
})
const hmac = z
  .strictObject({
    with: z.literal('hmac'),
    secret: secretName,
    key_encoding: keyEncoding.optional(),
    algorithm: z.enum(['sha256', 'sha384', 'sha512']),
    header: ownHeader,
    encoding: z.enum(['hex', 'base64']),
    prefix: prefix.optional(),
    over: z
      .array(z.union([z.enum(signedParts), z.strictObject({ text: z.string().min(1).max(200) })]))
      .min(1)
      .max(20)
      .optional(),
    timestamp_header: ownHeader.optional(),
  })
  .refine(({ over = ['body'] }) => over.includes('body') || over.includes('body-sha256-hex'), {
    ...issue('invalid-input', 'the signature does not cover the body', ['over']),
  })
  .refine(({ over = [], timestamp_header }) => over.includes('timestamp') === (timestamp_header !== undefined), {
    ...issue('invalid-input', 'a timestamp is signed and sent, or neither', ['timestamp_header']),
  })

/** Of the request line (RFC 9421 section 2.2). Headers are added by the destination that has them. */
export const DERIVED_COMPONENTS = [
  '@method',
  '@target-uri',
  '@authority',
  '@scheme',
  '@path',
  '@request-target',
] as const

/** A key in a secret has an id, and the vault's own is known by the one that it is published under. */
const keyMembers = { secret: secretName.optional(), key_id: text.optional(), key: z.literal('vault').optional() }
type KeyMembers = { [member in keyof typeof keyMembers]?: z.output<(typeof keyMembers)[member]> }
const hasOneKey = [
  ({ secret, key_id, key }: KeyMembers) =>
    key === 'vault' ? secret === undefined && key_id === undefined : secret !== undefined && key_id !== undefined,
  issue('invalid-input', 'expected a secret with a key_id, or "key": "vault"'),
] as const

const messageSignature = z
  .strictObject({
    with: z.literal('message-signature'),
    ...keyMembers,
    algorithm: z.enum(messageAlgorithms).optional(),
    components: z.array(z.string().min(1).max(64)).min(1).max(20).optional(),
    label: z
      .string()
      .regex(/^[a-z*][a-z0-9_.*-]{0,62}$/)
      .optional(),
    tag: z
      .string()
      .regex(/^[ -~]{1,100}$/)
      .optional(),
    expires_seconds: seconds.optional(),
  })
  .refine(...hasOneKey)
  .refine(({ components = ['content-digest'] }) => components.includes('content-digest'), {
    ...issue('invalid-input', 'the signature does not cover the body: name content-digest', ['components']),
  })

const claim = z.union([
  z.string().max(1000),
  z.number(),
  z.boolean(),
  secretLeaf,
  z.strictObject({ $request: z.enum(requestFacts) }),
])
const claimName = z.string().regex(/^[ -~]{1,100}$/)
/** Members of the JOSE header that say how a JWT is verified. */
const OWN_MEMBERS = ['alg', 'kid', 'b64', 'crit', 'jku', 'jwk', 'zip', '__proto__']

const jwt = z
  .strictObject({
    with: z.literal('jwt'),
    ...keyMembers,
    algorithm: z.enum(jwtAlgorithms).optional(),
    key_encoding: keyEncoding.optional(),
    header: ownHeader.optional(),
    prefix: prefix.optional(),
    protected: z
      .record(
        claimName.refine((name) => !OWN_MEMBERS.includes(name), issue('invalid-input', 'the vault sets this member')),
        text,
      )
      .optional(),
    claims: z.record(claimName, claim),
    expires_seconds: seconds.optional(),
  })
  .refine(...hasOneKey)
  .refine(
    ({ claims }) =>
      Object.values(claims).some(
        (value) => typeof value === 'object' && '$request' in value && value.$request.startsWith('body-'),
      ),
    issue('invalid-input', 'no claim is the digest of the body', ['claims']),
  )

const mutualTls = z.strictObject({ with: z.literal('mutual-tls'), certificate: secretName, key: secretName })

export const signer = z
  .discriminatedUnion('with', [basic, bearer, inHeader, hmac, messageSignature, jwt, mutualTls])
  .transform((value) => value as Signer)

/** The headers that a signer sets. */
export function headersOf(signer: Signer): string[] {
  switch (signer.with) {
    case 'basic':
    case 'bearer':
      return ['Authorization']
    case 'header':
      return [signer.header]
    case 'hmac':
      return [signer.header, ...(signer.timestamp_header === undefined ? [] : [signer.timestamp_header])]
    case 'message-signature':
      return ['Content-Digest', 'Signature-Input', 'Signature']
    case 'jwt':
      return [signer.header ?? 'Authorization']
    case 'mutual-tls':
      return []
  }
}
