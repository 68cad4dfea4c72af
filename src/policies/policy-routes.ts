import { z } from 'zod'
import { messageKeySchema } from '../access/message-key-schema.ts'
import type { Caller } from '../access/policy/caller.ts'
import { type Answer, type Route, type RouteRequest, route } from '../http/route.ts'
import { pageHeaders } from '../http/security-headers.ts'
import { publicMessageKeys } from '../keys/message-key.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { slug } from '../kinds/clear-value.ts'
import { byName, kindNames } from '../kinds/registry.ts'
import { knownValues } from '../values/known-values.ts'
import { Problem } from '../values/problem.ts'
import type { RandomBytes } from '../values/random.ts'
import type { CurrentPolicies } from './current-policies.ts'
import { legalBases, notifiedPurposes, RECEIPT_KEYS } from './policy.ts'
import { policyDocument } from './policy-document.ts'
import { policyPage } from './policy-page.ts'

export interface PolicyRouteDeps {
  keys: Pick<Keys, 'ring'>
  policies: CurrentPolicies
  issuer: string
  randomBytes: RandomBytes
}

const type = z.string().describe('a term of DPV')

const controller = z
  .object({ '@type': type, name: z.string(), contact: z.string(), country: z.string() })
  .meta({ id: 'PolicyController', description: 'Who is responsible for the data' })
const data = z
  .object({ kind: knownValues(kindNames), '@type': z.array(type), description: z.string() })
  .meta({ id: 'PolicyData', description: 'What is collected as records of a kind' })
const purpose = z
  .object({
    purpose: knownValues(notifiedPurposes),
    '@type': type,
    legal_basis: knownValues(legalBases),
    legal_basis_term: type,
    consent: z.boolean().describe('whether a record must carry the consent of this name'),
    data: z.array(knownValues(kindNames)),
    recipients: z.array(z.string()),
    retention_days: z
      .object(byName(() => z.int().optional()))
      .meta({ id: 'RetentionDays', description: 'How long a record of a kind may be kept, from its storing' }),
    description: z.string().optional(),
  })
  .meta({ id: 'PolicyPurpose', description: 'What data is used for, and on which legal basis' })
const recipients = z
  .object({ recipients: z.string(), '@type': type, description: z.string(), countries: z.array(z.string()) })
  .meta({ id: 'PolicyRecipients', description: 'A class of parties that data is disclosed to' })
const difference = z
  .object({ pointer: z.string(), change: knownValues(['added', 'removed', 'changed']), text: z.string() })
  .meta({ id: 'PolicyDifference', description: 'One difference from the version before' })

const document = z
  .object({
    '@context': z.unknown().describe('which member means which term (JSON-LD)'),
    '@id': z.string().describe('where the version is'),
    '@type': type,
    version: z.string().meta({ examples: ['2026-11-01'] }),
    title: z.string(),
    language: z.string().describe('a BCP 47 tag'),
    sha256: z.string().describe('of the file that was published, in hexadecimal'),
    published_at: z.iso.datetime(),
    controller,
    data: z.array(data),
    purposes: z.array(purpose),
    recipients: z.array(recipients),
    settlement_days: z.int().describe('how long a card is kept without the consent store-card'),
    changes: z
      .object({ since: z.string().describe('the version before'), differences: z.array(difference) })
      .meta({ id: 'PolicyChanges', description: 'What the version before said otherwise' })
      .optional(),
    text: z.string().describe('the policy for people, in Markdown'),
  })
  .meta({ id: 'PrivacyPolicy', description: 'A version of the privacy policy, as JSON-LD with terms of W3C DPV' })

const keySet = z
  .object({ keys: z.array(messageKeySchema) })
  .meta({ id: 'ReceiptKeys', description: 'The keys that verify receipts of consents' })

const described = { tag: 'Privacy', access: 'public', audited: false, problems: ['policy-not-found'] } as const
const DESCRIPTION = `A page without script for a browser (\`Accept: text/html\`), otherwise JSON. A version never changes.`
const responses = { 200: { description: 'the version', schema: document } }

/** The privacy policy, for anyone. */
export function createPolicyRoutes(deps: PolicyRouteDeps): Route<Caller>[] {
  return [
    route<Caller>({
      ...described,
      method: 'GET',
      path: '/v1/privacy-policy',
      operationId: 'getPrivacyPolicy',
      summary: 'The newest version of the privacy policy',
      description: DESCRIPTION,
      responses,
      handle: (request) => answer(deps, undefined, request),
    }),
    // Before the versions: none has this name.
    route<Caller>({
      method: 'GET',
      path: `/v1/privacy-policy/${RECEIPT_KEYS}`,
      operationId: 'getReceiptKeys',
      tag: 'Privacy',
      access: 'public',
      audited: false,
      answersOlder: true,
      summary: 'The public keys of receipts of consents',
      description: 'A JWK Set (RFC 7517). A receipt is a compact JWS whose header names one of these keys as `kid`.',
      responses: { 200: { description: 'a JWK Set', schema: keySet } },
      handle: () => ({ status: 200, body: { keys: publicMessageKeys(deps.keys, 'receipt-signing') } }),
    }),
    route<Caller>({
      ...described,
      method: 'GET',
      path: '/v1/privacy-policy/:version',
      operationId: 'getPrivacyPolicyVersion',
      params: { version: slug.meta({ description: 'A published version', examples: ['2026-11-01'] }) },
      summary: 'A version of the privacy policy',
      description: DESCRIPTION,
      responses,
      handle: (request) => answer(deps, request.params.version ?? '', request),
    }),
  ]
}

/** @throws {Problem} policy-not-found, also for a set that was changed outside the vault */
async function answer(
  { policies, issuer, randomBytes }: PolicyRouteDeps,
  version: string | undefined,
  { headers }: Pick<RouteRequest<Caller>, 'headers'>,
): Promise<Answer> {
  const { published } = await policies.at(undefined)
  const at = version === undefined ? published.length - 1 : published.findIndex((one) => one.version === version)
  const policy = published[at]
  if (policy === undefined) throw new Problem('policy-not-found')
  if (headers.accept?.includes('text/html') !== true) {
    return { status: 200, body: policyDocument(policy, published[at - 1], issuer) }
  }
  const nonce = randomBytes(16).toString('base64')
  return {
    status: 200,
    body: policyPage(policy, published, nonce),
    contentType: 'text/html; charset=utf-8',
    documentHeaders: pageHeaders(nonce),
  }
}
