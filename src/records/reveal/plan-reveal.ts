import type { Caller } from '../../access/policy/caller.ts'
import type { Circumstances } from '../../access/policy/condition.ts'
import { decideRevealVariants, type RevealVariants } from '../../access/policy/grant.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { Budget } from '../../access/policy/roles.ts'
import { isShown } from '../../access/policy/view.ts'
import type { Kinds } from '../../kinds/kinds.ts'
import { kindNames } from '../../kinds/registry.ts'
import { Problem } from '../../values/problem.ts'
import { kindNameOf, parseToken, type Token } from '../record/token.ts'

/** One item of a reveal, as the caller asks for it. */
export interface RevealItem {
  token: string
  fields?: readonly string[] | undefined
}

/** The fields that may leave, whether the record has them or not, and the budget of the grants that decide. */
interface GrantedFields {
  fields: string[]
  budget: Budget | undefined
}

/** What leaves with an approval, and what leaves by breaking the glass, if the caller asks for that and may do it. */
export interface ApprovalNeed {
  approved: GrantedFields
  urgent: GrantedFields | undefined
}

/** The decision on an item before its record is read. */
export type ItemPlan = { token: Token } & (
  | { granted: GrantedFields; needs?: undefined }
  | { granted?: undefined; needs: ApprovalNeed }
)

/**
 * Plans the reveal of one item: which fields, under which budget, and whether a second person must approve. The grants
 * are evaluated once.
 *
 * @throws {Problem} record-not-found for a text that is not a token, invalid-input, scope-missing,
 *   purpose-not-permitted,
 *   fields-not-permitted, condition-not-met, unauthenticated
 */
export function planReveal(
  kinds: Kinds,
  caller: Caller,
  purpose: Purpose,
  item: RevealItem,
  circumstances: Omit<Circumstances, 'approved'>,
): ItemPlan {
  const token = parseToken(item.token)
  if (token === undefined) throw refusalOfNoToken(caller, purpose, circumstances)
  const kind = kinds[kindNameOf(token)]
  if (item.fields?.some((field) => !isShown(field, kind.name))) {
    throw new Problem('invalid-input', {
      errors: [{ pointer: '#/fields', detail: `expected some of: ${kind.fields.join(', ')}` }],
    })
  }
  const variants = decideRevealVariants(caller, kind.name, purpose, item.fields, circumstances)
  return { token, ...choose(variants, circumstances.breakGlass === true) }
}

/**
 * Fields that need an approval never leave without one or a broken glass. The glass is broken, with its alert and
 * review, if that gives the caller more than the grants without a second person.
 */
function choose(
  { plain, approved, urgent: broken }: RevealVariants,
  breakGlass: boolean,
): { granted: GrantedFields } | { needs: ApprovalNeed } {
  const urgent = breakGlass ? broken : plain
  const givesMore = urgent.granted && (!plain.granted || urgent.fields.length > plain.fields.length)
  const waits = !plain.granted && plain.problem.code === 'approval-required'
  if (approved.granted && (givesMore || waits)) return { needs: { approved, urgent: givesMore ? urgent : undefined } }
  if (plain.granted) return { granted: plain }
  throw urgent.granted ? plain.problem : urgent.problem
}

/**
 * A malformed token is of no kind: a caller that may reveal nothing for this purpose learns that first. An approval is asked for
 * only of a record that exists.
 */
function refusalOfNoToken(caller: Caller, purpose: Purpose, circumstances: Circumstances): Problem {
  const decisions = kindNames.map(
    (kind) => decideRevealVariants(caller, kind, purpose, undefined, circumstances).approved,
  )
  const [first, ...others] = decisions
  const isRefused = first !== undefined && !first.granted && others.every(({ granted }) => !granted)
  return isRefused ? first.problem : new Problem('record-not-found')
}
