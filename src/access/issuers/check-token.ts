import { Problem } from '../../values/problem.ts'
import { type ProblemCode, titleOf } from '../../values/problem-codes.ts'
import type { Caller } from '../policy/caller.ts'
import type { Purpose } from '../policy/purpose.ts'
import { summarise } from '../policy/role-summary.ts'
import type { Scope } from '../policy/roles.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import { findMapping, type StaffClaims, staffOf } from './claim-mapping.ts'
import { findSignatureFault, keysOf, type TokenVerifier } from './issuer-tokens.ts'
import { judgeToken, type Ruling, readToken, type WrittenToken } from './token-rules.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'

/** The vault's verdict on an access token, and why. Of the token itself it contains only the id of the person. */
export interface TokenReport {
  /** Whether a request with the token would be accepted, and may do anything. */
  accepted: boolean
  /** The error code that a request would get; null if there is none. */
  code: ProblemCode | null
  /** The issuer's name in the issuers file, `strongroom` for the vault itself; null for a stranger. */
  issuer: string | null
  rules: Ruling[]
  /** What follows is null or empty as long as the token is not accepted. */
  caller: string | null
  role: string | null
  site: string | null
  scopes: Scope[]
  purposes: Purpose[]
  /** How the token is bound to its owner, who has to prove it with each request. */
  bound: 'dpop' | 'mtls' | null
}

export interface CheckTokenDeps {
  own: TokenVerifier
  ownIssuer: string
  issuers: readonly TrustedIssuer[]
  roles: CurrentRoles
  /** Whether a caller may still come in. @throws {Problem} */
  checkCallerStatus: (caller: Caller) => Promise<Caller>
  now: () => Date
}

/**
 * Goes through every rule for a token, by the very code that a request meets, and does not stop at the first that fails.
 *
 * @throws {Problem} sealed, database-unavailable
 */
export async function checkToken(deps: CheckTokenDeps, token: string): Promise<TokenReport> {
  const written = readToken(token)
  const form = { rule: 'form', passed: written !== undefined, demand: FORM }
  if (written === undefined) return refusal(null, [form], 'unauthenticated')
  const { iss } = written.claims
  if (iss === deps.ownIssuer) return checkOwn(deps, form, token)
  const issuer = deps.issuers.find((one) => one.issuer === iss)
  if (issuer === undefined) return refusal(null, [form, strangerRuling(deps)], 'unauthenticated')
  return checkForeign(deps, issuer, { form, token, written })
}

const FORM = 'a signed JWT in compact form, without a header crit'

async function checkForeign(
  deps: CheckTokenDeps,
  issuer: TrustedIssuer,
  { form, token, written }: { form: Ruling; token: string; written: WrittenToken },
): Promise<TokenReport> {
  const { name } = issuer
  const rules = [form, ...judgeToken(issuer, written, deps.now())]
  const signature = await judgeSignature(deps, issuer, token, written)
  rules.push(signature.ruling)
  const mapping = findMapping(issuer, written.claims)
  rules.push({ rule: 'mapping', passed: mapping >= 0, demand: `one of the ${issuer.mappings.length} mappings fits` })
  const isAuthentic = rules.every(({ rule, passed }) => passed || rule === 'mapping')
  if (!isAuthentic) return refusal(name, rules, signature.unavailable ? 'issuer-unavailable' : 'unauthenticated')
  const caller = staffOf(issuer, written.claims as StaffClaims)
  if (mapping < 0) return { ...refusal(name, rules, 'scope-missing'), caller: caller.id }
  rules[rules.length - 1]!.demand = `/mappings/${mapping} fits: ${describeMapping(issuer, mapping)}`
  return checkStanding(deps, name, rules, caller)
}

async function checkOwn(deps: CheckTokenDeps, form: Ruling, token: string): Promise<TokenReport> {
  const verified = await deps.own.verify(token).catch((error: unknown) => {
    if (error instanceof Problem && error.kind === 'refused') return error
    throw error
  })
  if (verified instanceof Problem) {
    const demand = verified.disbelief?.reason ?? titleOf(verified.code)
    return refusal('strongroom', [form, { rule: 'own', passed: false, demand }], verified.code)
  }
  const own = { rule: 'own', passed: true, demand: 'the vault itself has signed it, and it is good now' }
  return checkStanding(deps, 'strongroom', [form, own], verified)
}

/** Whether the person or client is still accepted, and what they may do. */
async function checkStanding(
  deps: CheckTokenDeps,
  issuer: string,
  rules: readonly Ruling[],
  caller: Caller,
): Promise<TokenReport> {
  const { roles } = await deps.roles.refresh()
  const { role } = caller
  const checked = await deps.checkCallerStatus(caller).catch((error: unknown) => {
    if (error instanceof Problem && error.kind === 'refused') return error
    throw error
  })
  const demand =
    role === undefined || roles.has(role)
      ? 'the caller is neither disabled, revoked nor suspended'
      : `the role ${role} is in force`
  const standing = { rule: 'standing', passed: !(checked instanceof Problem), demand }
  if (checked instanceof Problem) return { ...refusal(issuer, [...rules, standing], checked.code), caller: caller.id }
  const scopes = {
    rule: 'scopes',
    passed: checked.scopes.size > 0,
    demand: 'the token and the role have a scope in common',
  }
  const all = [...rules, standing, scopes]
  if (!scopes.passed) return { ...refusal(issuer, all, 'scope-missing'), caller: caller.id }
  const definition = role === undefined ? undefined : roles.get(role)
  const held = definition ? summarise(definition).purposes : []
  return {
    accepted: true,
    code: null,
    issuer,
    rules: all,
    caller: checked.id,
    role: role ?? null,
    site: checked.site,
    scopes: [...checked.scopes],
    purposes: held.filter((purpose) => checked.purposes.has(purpose)),
    bound: checked.confirmation ?? null,
  }
}

async function judgeSignature(
  { now }: CheckTokenDeps,
  issuer: TrustedIssuer,
  token: string,
  written: WrittenToken,
): Promise<{ ruling: Ruling; unavailable: boolean }> {
  let reason = 'unknown'
  const keys = keysOf(issuer, {
    now,
    onUnreachable: (_issuer, why) => {
      reason = why
    },
  })
  try {
    const fault = await findSignatureFault(issuer, keys, token, written)
    const demand = fault ?? 'a published key of the issuer has signed it'
    return { ruling: { rule: 'signature', passed: fault === undefined, demand }, unavailable: false }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const demand = `the keys of the issuer can be fetched (they cannot: ${reason})`
    return { ruling: { rule: 'signature', passed: false, demand }, unavailable: true }
  }
}

function strangerRuling({ issuers, ownIssuer }: CheckTokenDeps): Ruling {
  const known = [...issuers.map(({ issuer }) => issuer), ownIssuer].join(', ')
  return { rule: 'iss', passed: false, demand: `iss is one of ${known}, spelled exactly so` }
}

function describeMapping({ mappings }: TrustedIssuer, at: number): string {
  const { claim, value } = mappings[at]!
  return `${[claim].flat().join('.')} has ${value}`
}

function refusal(issuer: string | null, rules: readonly Ruling[], code: ProblemCode): TokenReport {
  const nothing = { caller: null, role: null, site: null, scopes: [], purposes: [], bound: null }
  return { accepted: false, code, issuer, rules: [...rules], ...nothing }
}
