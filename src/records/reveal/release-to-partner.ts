import type { FindContract } from '../../access/callers/find-contract.ts'
import type { Caller } from '../../access/policy/caller.ts'
import { Problem } from '../../values/problem.ts'
import type { RequestFacts } from '../dependencies.ts'
import { type RevealRequest, revealRecords } from './reveal.ts'

export interface PartnerRelease extends Omit<RevealRequest, 'items' | 'recipient'> {
  partner: string
  token: string
  fields?: readonly string[] | undefined
}

/** One record as it leaves to a partner. `event` is the id of the audit event that committed before this left. */
export interface ReleasedToPartner {
  token: string
  kind: string
  jwe: string
  event: string
}

/**
 * Releases the fields of a record that the role of the caller grants and the contract of the partner names, encrypted
 * to a key of the partner: the caller cannot read them. Everything else is as in a reveal; the event names the partner.
 * What is encrypted is what a reveal would answer, so that nothing passes for the release of another record.
 *
 * @throws {Problem} contract-ended, purpose-not-permitted for another partner than the caller's own, invalid-input for
 *   a partner without a key, and as `revealRecords`
 */
export async function releaseToPartner(
  deps: Parameters<typeof revealRecords>[0] & { findContract: FindContract },
  caller: Caller,
  { partner: id, token, fields, ...input }: PartnerRelease,
  facts: RequestFacts,
  extra: Parameters<typeof revealRecords>[4],
): Promise<ReleasedToPartner | { problem: Problem }> {
  const { keys, ...partner } = await deps.findContract(caller, id)
  if (caller.partner !== undefined && caller.partner.id !== id) throw new Problem('purpose-not-permitted')
  if (keys === null) {
    throw new Problem('invalid-input', { errors: [{ pointer: '#/partner', detail: 'the partner has given no key' }] })
  }
  const narrowed = { ...caller, partner }
  const [result] = await revealRecords(
    deps,
    narrowed,
    { ...input, recipient: id, items: [{ token, fields }] },
    facts,
    extra,
  )
  if (result === undefined) throw new Error('a release of one record has one result')
  if ('problem' in result) return result
  const { encryptToPartner } = await import('../../access/callers/encrypt-to-partner.ts')
  const { kind, data, event } = result
  const jwe = await encryptToPartner(keys, { token: result.token, kind, data: data.expose(), event })
  return { token: result.token, kind, jwe, event }
}
