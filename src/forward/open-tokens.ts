import { consumeOrRefuse } from '../access/limits/budget.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { Purpose } from '../access/policy/purpose.ts'
import { type Destination, type TokenRole, takenBy } from '../destinations/destination.ts'
import { checkoutParts } from '../kinds/checkout-parts.ts'
import type { Details } from '../kinds/kind.ts'
import { requirePurpose } from '../policies/require-purpose.ts'
import type { RecordPart } from '../records/record/record.ts'
import { openDetails, openDisplay, requireOwnToken } from '../records/record/sealed-record.ts'
import { kindNameOf, parseToken, type Token } from '../records/record/token.ts'
import { findOvertaken } from '../records/reveal/find-overtaken.ts'
import { requireLive } from '../records/reveal/require-live.ts'
import type { LookedUp } from '../records/search/look-up-store.ts'
import { Problem } from '../values/problem.ts'
import type { ForwardDeps } from './dependencies.ts'
import type { Permitted } from './permit-forward.ts'

/** Tokens by what they are used for. A contact may be named once and an address twice. */
export type Tokens = Partial<Record<TokenRole, string | undefined>>

/** One record that goes along, for all that it is used for. */
export interface NamedToken {
  token: Token
  roles: TokenRole[]
  /** What the destination takes of it, whether the record has it or not. */
  fields: string[]
}

/** A record that was opened. Holds plaintext. */
export interface OpenedToken extends NamedToken {
  record: Exclude<LookedUp, string | undefined>
  /** The consent that the record must still have when the request is about to be sent. */
  consent: Purpose | undefined
  /** Of the secret part all members, of the display part what a masked view shows. */
  details: Details
}

/**
 * The records that a request names, each once, the card first.
 *
 * @throws {Problem} record-not-found for a text that is no token of its kind, invalid-input for what the destination takes
 *   nothing of
 */
export function nameTokens(destination: Destination, tokens: Tokens): NamedToken[] {
  const { fields } = takenBy(destination)
  const named = new Map<Token, NamedToken>()
  const roles = (Object.keys(checkoutParts) as TokenRole[]).filter((role) => tokens[role] !== undefined)
  const unused = roles.filter((role) => fields[role] === undefined)
  if (unused.length > 0) {
    const errors = unused.map((role) => ({
      pointer: `#/tokens/${role}`,
      detail: 'the destination takes nothing of it',
    }))
    throw new Problem('invalid-input', { errors })
  }
  for (const role of roles) {
    const token = parseToken(tokens[role]!)
    if (token === undefined || kindNameOf(token) !== checkoutParts[role].kind) throw new Problem('record-not-found')
    const one = named.get(token) ?? { token, roles: [], fields: [] }
    one.roles.push(role)
    one.fields = [...new Set([...one.fields, ...fields[role]!])]
    named.set(token, one)
  }
  return [...named.values()]
}

/** The same for a caller: a text that is no token counts as a token that does not exist. @throws {Problem} too-many-requests */
export function nameTokensOf(
  { probes }: Pick<ForwardDeps, 'probes'>,
  caller: Caller,
  ...named: Parameters<typeof nameTokens>
): Promise<NamedToken[]> {
  return probes.lookUp(
    caller,
    1,
    async () => nameTokens(...named),
    () => 0,
  )
}

/** Counts the records towards the budgets, before they are looked up. @throws {Problem} budget-spent */
export function consumeTokens(
  deps: Pick<ForwardDeps, 'budgets'>,
  caller: Caller,
  purpose: Purpose,
  { named, budget }: { named: readonly NamedToken[]; budget: Permitted['budget'] },
): Promise<void> {
  return consumeOrRefuse(
    deps.budgets,
    caller,
    purpose,
    named.map(({ token }) => token),
    budget,
  )
}

/**
 * Opens one part of each record.
 *
 * @throws {Problem} record-not-found, record-gone, purpose-not-notified, consent-missing, erasure-postponed,
 *   record-integrity, too-many-requests
 */
export async function openTokens(
  deps: OpenDeps & Pick<ForwardDeps, 'probes'>,
  caller: Caller,
  wanted: WantedTokens,
): Promise<OpenedToken[]> {
  if (wanted.named.length === 0) return []
  await deps.keys.ensureFresh()
  return deps.probes.lookUp(
    caller,
    wanted.named.length,
    () => openNamed(deps, { owner: caller.id, site: caller.site, policies: caller.policies }, wanted),
    () => 0,
  )
}

interface WantedTokens {
  named: readonly NamedToken[]
  purpose: Purpose
  part: RecordPart
}

/** A consent can be withdrawn between the look and the question to the log once or twice, hardly three times. */
const ATTEMPTS = 3

type OpenDeps = Pick<ForwardDeps, 'alert' | 'database' | 'erasures' | 'keys' | 'lookUp' | 'policies'>

/** Who asks, and on which site. */
interface Opener {
  owner: string
  site: string
  policies?: string | undefined
}

/** The same, and counts nothing. A row that the log says was overtaken is read again; one that stays so was put back. */
export async function openNamed(deps: OpenDeps, of: Opener, wanted: WantedTokens): Promise<OpenedToken[]> {
  let overtaken: OpenedToken[] = []
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const opened = await openOnce(deps, of, wanted)
    overtaken = await findOvertaken(deps, opened)
    if (overtaken.length === 0) return opened
  }
  for (const { token } of overtaken) deps.alert('record-integrity', { token })
  throw new Problem('record-integrity')
}

async function openOnce(deps: OpenDeps, of: Opener, { named, purpose, part }: WantedTokens): Promise<OpenedToken[]> {
  const tokens = named.map(({ token }) => token)
  const found = await deps.lookUp({ owner: of.owner, site: of.site, tokens, part })
  const policies = await deps.policies.at(of.policies)
  const opened: OpenedToken[] = []
  for (const [at, one] of named.entries()) {
    const record = requireLive(found[at])
    await requireOwnToken(deps.keys, record, part, one.token)
    const consent = requirePurpose(policies, purpose, record)
    deps.erasures.requireUnrestricted(one.token, purpose)
    const details =
      part === 'secret'
        ? await openDetails(deps.keys, { ...record, secret: record.sealed })
        : (await openDisplay(deps.keys, { ...record, display: record.sealed })).shown
    opened.push({ ...one, record, consent, details })
  }
  return opened
}

/** The opened records by what they are used for, as a request is filled with them. */
export function byRole(opened: readonly OpenedToken[]): Partial<Record<TokenRole, Details>> {
  return Object.fromEntries(opened.flatMap(({ roles, details }) => roles.map((role) => [role, details] as const)))
}
