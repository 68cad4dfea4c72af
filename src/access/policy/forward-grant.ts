import type { KindName } from '../../kinds/registry.ts'
import { Problem } from '../../values/problem.ts'
import type { Caller, Partnership } from './caller.ts'
import { type Circumstances, findUnmet, stricter } from './condition.ts'
import { type Decision, denies, findRole, notPermitted, numbered, type Refusal, refused } from './grant.ts'
import type { Purpose } from './purpose.ts'
import { conditionsOf, type Denial, FORWARD, FORWARD_SCOPE } from './roles.ts'

/** What a caller asks to send on, before any record is looked at. */
export interface ForwardQuestion {
  purpose: Purpose
  /** What the destination takes of the records: `kind.field`, such as `card.number`. */
  taken: readonly string[]
  /** The contract with the third party that gets it. Left out: it is not asked about. */
  contract?: Partnership | undefined
}

/**
 * Decides whether the caller may send records to a third party that it does not see itself. Deny by default: the token,
 * the role's scope and a grant of the view `forward` whose conditions are met must all say yes, and the contract must
 * name the purpose and every field. What is granted is what is taken, all of it. The grant on the card covers what goes along with it, addresses and the contact. A
 * denial of a field that is taken is stronger. A client of a third party forwards nothing.
 */
export function decideForward(
  caller: Caller,
  { purpose, taken, contract }: ForwardQuestion,
  circumstances: Pick<Circumstances, 'now'>,
): Decision {
  const role = findRole(caller, FORWARD_SCOPE, purpose, contract)
  if ('granted' in role) return role
  if (caller.partner) return notPermitted(`the contract of ${caller.partner.id}: it forwards nothing`)
  const isDenied = ({ of }: { of: Denial }) =>
    // Without a field it is a card that is sent on.
    of.fields === undefined
      ? ['card.', ...taken].some((name) => denies(of, kindOf(name), purpose))
      : taken.some((name) => denies(of, kindOf(name), purpose) && of.fields?.includes(fieldOf(name)))
  const denial = numbered(role.denials ?? []).find(isDenied)
  if (denial) {
    const line = `/roles/${caller.role}/denials/${denial.at}`
    return denial.of.fields === undefined ? notPermitted(line) : fieldsNotPermitted(line)
  }
  const grants = numbered(role.grants)
    .filter(({ of }) => of.view === FORWARD && of.purposes.includes(purpose))
    .map(({ of: grant, at }) => {
      const unmet = findUnmet(conditionsOf(grant, purpose), caller, circumstances)
      return { budget: grant.conditions?.budget, unmet, line: `/roles/${caller.role}/grants/${at}` }
    })
  const met = grants.filter(({ unmet }) => unmet === undefined)
  if (met.length === 0) {
    const [first] = grants
    if (first?.unmet) return refused(first.unmet.problem, `${first.line}/conditions/${first.unmet.condition}`)
    return notPermitted(`/roles/${caller.role}/grants: none forwards a card for ${purpose}`)
  }
  const missing = contract ? taken.filter((name) => !contract.fields.includes(name)) : []
  if (contract && missing.length > 0) {
    return fieldsNotPermitted(`the contract of ${contract.id}: not ${missing.join(', ')}`)
  }
  return {
    granted: true,
    fields: [...taken],
    lines: met.map(({ line }) => line),
    budget: met.map(({ budget }) => budget).reduce(stricter, undefined),
  }
}

function kindOf(name: string): KindName {
  return name.slice(0, name.indexOf('.')) as KindName
}

function fieldOf(name: string): string {
  return name.slice(name.indexOf('.') + 1)
}

function fieldsNotPermitted(line: string): Refusal {
  return refused(new Problem('fields-not-permitted'), line)
}
