import type { SecurityCodeLimit } from '../access/limits/security-code-limit.ts'
import { auditCaller, type Caller } from '../access/policy/caller.ts'
import type { AuditEvent, NewAuditEvent } from '../audit/event/audit-event.ts'
import type { RecordDeps, RequestFacts } from '../records/dependencies.ts'
import { openDisplay, requireOwnToken } from '../records/record/sealed-record.ts'
import { kindNameOf, parseToken, type Token } from '../records/record/token.ts'
import { requireLive } from '../records/reveal/require-live.ts'
import { Problem } from '../values/problem.ts'
import type { Sensitive } from '../values/sensitive.ts'
import { insertCode } from './code-store.ts'
import { requireDigits, sealCode } from './sealed-code.ts'
import { newCodeId } from './security-code.ts'
import type { SecurityCodesDeps } from './security-codes.ts'

export const DEFAULT_MINUTES = 15

/** The name of a code, and until when it can be used. */
export interface KeptCode {
  security_code: string
  expires_at: string
}

export interface KeepCodeDeps
  extends Omit<SecurityCodesDeps, 'keys'>,
    Pick<RecordDeps, 'keys' | 'lookUp' | 'newAuditEvent' | 'randomBytes'> {
  codeLimit: SecurityCodeLimit
}

/**
 * Keeps the security code of a card of the caller's site, for any caller of the site that may forward the card.
 *
 * @throws {Problem} record-not-found, record-gone, record-integrity, invalid-input, too-many-requests, audit-unavailable
 */
export async function keepCode(
  deps: KeepCodeDeps,
  caller: Caller,
  input: { card: string; code: Sensitive<string>; minutes?: number | undefined },
  facts: RequestFacts,
): Promise<KeptCode> {
  const card = parseToken(input.card)
  if (card === undefined || kindNameOf(card) !== 'card') throw new Problem('record-not-found')
  const { id: owner, site } = caller
  const [found] = await deps.lookUp({ owner, site, tokens: [card], part: 'display' })
  const record = requireLive(found)
  await requireOwnToken(deps.keys, record, 'display', card)
  const { shown } = await openDisplay(deps.keys, { ...record, display: record.sealed })
  requireDigits(input.code, shown.brand as string, '#/code')
  const kept = newCode(deps, input.minutes)
  await storeCode(deps, { site, card }, kept, input.code, [keptEvent(deps, caller, card, kept, facts)])
  return kept
}

/** The name and the end of a new code. */
export function newCode(
  { now, randomBytes }: Pick<KeepCodeDeps, 'now' | 'randomBytes'>,
  minutes = DEFAULT_MINUTES,
): KeptCode {
  const expiresAt = new Date(now().getTime() + minutes * 60_000)
  return { security_code: newCodeId(randomBytes), expires_at: expiresAt.toISOString() }
}

/** Stores a code. Nothing of it is durable: a crash of the database and the end of all processes take it away. */
export async function storeCode(
  deps: Pick<KeepCodeDeps, 'codeKeys' | 'database' | 'keys' | 'randomBytes'>,
  of: { site: string; card: Token },
  { security_code: id, expires_at }: KeptCode,
  code: Sensitive<string>,
  events: readonly AuditEvent[] = [],
): Promise<void> {
  await insertCode(deps.database, await sealCode(deps, { ...of, id, expiresAt: new Date(expires_at) }, code), events)
}

/** That a code was kept. It has the name of the code, and nothing of the code itself. */
export function keptEvent(
  { newAuditEvent }: { newAuditEvent: NewAuditEvent },
  caller: Caller,
  card: Token,
  { security_code: subject }: KeptCode,
  facts: RequestFacts,
): AuditEvent {
  return newAuditEvent({
    type: 'security-code.keep',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    token: card,
    kind: 'card',
    subject,
  })
}
