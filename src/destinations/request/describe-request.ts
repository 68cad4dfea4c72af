import type { Details } from '../../kinds/kind.ts'
import { Problem } from '../../values/problem.ts'
import { type Destination, roleOf, type TokenRole } from '../destination.ts'
import type { Signer, Text } from '../signer.ts'
import type { Leaf } from '../template.ts'
import { missing, pathOf, typeHeader } from './build-request.ts'
import { type CallerInput, checkInput } from './check-input.ts'
import { pairsOf } from './encode-body.ts'
import { type Filled, fillTemplate, LEFT_OUT } from './fill-template.ts'

/** The masked views of the records of a request. */
export type MaskedRecords = Partial<Record<TokenRole, Details>>

/** A request that was not sent, with its values masked. `body` is the tree of JSON, or the pairs of a form. */
export interface DescribedRequest {
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body: { readonly [name: string]: Filled }
}

const MASK = '••'

/**
 * The request that would be sent, with masked views in place of the records. Nothing is opened and nothing is signed:
 * secrets have their names, and signatures say what would make them. Only sending shows whether a record has a
 * value that is not in its masked view.
 *
 * @param hasCode whether the request has a security code
 * @throws {Problem} as `buildRequest`
 */
export function describeRequest(
  destination: Destination,
  records: MaskedRecords,
  { hasCode = false, ...sent }: CallerInput & { hasCode?: boolean },
): DescribedRequest {
  const { method, input, headers: callers } = checkInput(destination, sent)
  const filled = fillTemplate(destination.template, (leaf) => {
    const shown = shownOf(leaf, { records, input, hasCode })
    if (shown !== undefined) return shown
    if ('$secret' in leaf || leaf.optional) return LEFT_OUT
    throw new Problem('invalid-input', { errors: [missing(leaf, records)] })
  })
  const own = Object.entries(destination.headers).map(([name, text]) => [name, nameOf(text)])
  const signed = destination.sign.flatMap(headersOf)
  return {
    method,
    url: `${destination.origin}${pathOf(destination, input)}`,
    headers: Object.fromEntries([...typeHeader(destination), ...own, ...Object.entries(callers), ...signed]),
    body: destination.encoding === 'json' ? filled : Object.fromEntries(pairsOf(filled)),
  }
}

function shownOf(
  leaf: Leaf,
  { records, input, hasCode }: { records: MaskedRecords; input: Readonly<Record<string, unknown>>; hasCode: boolean },
): string | number | boolean | undefined {
  if ('$secret' in leaf) return nameOf(leaf)
  if ('$in' in leaf) return input[leaf.$in] as string | number | boolean | undefined
  if ('$card' in leaf && leaf.$card === 'security_code') return hasCode ? MASK : undefined
  const record = records[roleOf(leaf)!]
  if (record === undefined) return undefined
  return '$card' in leaf && leaf.$card === 'number' ? `${MASK}${MASK} ${record.last4}` : MASK
}

function nameOf(text: Text): string {
  return typeof text === 'string' ? text : `secret:${text.$secret}`
}

/** The headers of a signer, with words in place of what it makes. */
function headersOf(signer: Signer): [string, string][] {
  switch (signer.with) {
    case 'basic':
      return [['Authorization', `Basic ${nameOf(signer.username)}:${nameOf(signer.password ?? '')}`]]
    case 'bearer':
      return [['Authorization', `Bearer secret:${signer.secret}`]]
    case 'header':
      return [[signer.header, `${signer.prefix ?? ''}secret:${signer.secret}`]]
    case 'hmac':
      return [
        ...(signer.timestamp_header === undefined ? [] : [[signer.timestamp_header, NOW] as [string, string]]),
        [signer.header, `${signer.prefix ?? ''}${MADE}`],
      ]
    case 'message-signature':
      return ['Content-Digest', 'Signature-Input', 'Signature'].map((name) => [name, MADE])
    case 'jwt':
      return [[signer.header ?? 'Authorization', `${signer.prefix ?? 'Bearer '}${MADE}`]]
    case 'mutual-tls':
      return []
  }
}

const MADE = '(made when it is sent)'
const NOW = '(the time when it is sent)'
