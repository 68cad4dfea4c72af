import { timingSafeEqual } from 'node:crypto'
import { consumeOrRefuse } from '../../access/limits/budget.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import { leaveOutRecord } from '../../audit/event/unfinished-event.ts'
import { keyedHash } from '../../keys/key/keyed-hash.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import {
  type ComparableName,
  comparableInput,
  comparableNamesOf,
  comparableOf,
  isShownMasked,
} from '../../kinds/comparable.ts'
import type { Details } from '../../kinds/kind.ts'
import { requirePurpose } from '../../policies/require-purpose.ts'
import { Problem } from '../../values/problem.ts'
import type { Sensitive } from '../../values/sensitive.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import type { IdempotencyRow } from '../idempotency/idempotency-store.ts'
import { openDetails, requireOwnToken } from '../record/sealed-record.ts'
import { kindNameOf, parseToken, type Token } from '../record/token.ts'
import { requireLive, requireReleased } from '../reveal/require-live.ts'

/** What a record is compared with: values that the caller has, or another record, by some names or by all that both have. */
export type Comparison =
  | {
      values: Sensitive<Partial<Record<ComparableName, string | Details | undefined>>>
      names: readonly ComparableName[]
    }
  | { other: string; names?: readonly ComparableName[] | undefined }

export interface MatchRequest {
  token: string
  purpose?: Purpose | undefined
  comparison: Comparison
}

interface MatchExtra {
  /** Keeps the ids of the events, in the order of the records. */
  idempotency?: ((events: string[]) => IdempotencyRow) | undefined
  /** The events of the first answer, when this is a replay. */
  replayOf?: readonly string[] | undefined
}

type CompareDeps = Pick<RecordDeps, 'batches' | 'erasures' | 'keys' | 'lookUp' | 'newAuditEvent' | 'now' | 'policies'>

/**
 * Says whether a record equals something in every name that is compared, and nothing more: neither which differs, nor
 * by how much. A right and a wrong guess take the same steps and leave the same event, which holds only the names.
 *
 * A purpose that is named is one that the shopper was told of, and has agreed to where that is needed.
 *
 * @throws {Problem} record-not-found, record-gone, record-changed, invalid-input, budget-spent, too-many-requests,
 *   purpose-not-notified, consent-missing, erasure-postponed, record-integrity, audit-unavailable
 */
export async function matchRecord(
  deps: CompareDeps & Pick<RecordDeps, 'budgets' | 'guesses'>,
  caller: Caller,
  { token: text, purpose, comparison }: MatchRequest,
  facts: RequestFacts,
  extra: MatchExtra = {},
): Promise<boolean> {
  const token = parseToken(text)
  const other = 'other' in comparison ? parseToken(comparison.other) : undefined
  if (token === undefined || ('other' in comparison && other === undefined)) throw new Problem('record-not-found')
  const names = namesToCompare(token, other, comparison.names)
  const tokens = [token, ...(other === undefined ? [] : [other])]
  await consumeOrRefuse(deps.budgets, caller, purpose, tokens)
  for (const one of tokens) await deps.guesses.consume(caller, one)
  // What the caller sees in every masked view need not be guessed.
  const isSecret = !caller.scopes.has('token:read') || names.some((name) => !isShownMasked(kindNameOf(token), name))
  const guess = isSecret ? await deps.guesses.reserve(caller, tokens) : undefined
  let outcome: 'wrong' | 'not-wrong' = 'not-wrong'
  try {
    const matches = await compare(deps, caller, { tokens, names, purpose, comparison }, facts, extra)
    if (!matches) outcome = 'wrong'
    return matches
  } finally {
    await guess?.settle(outcome)
  }
}

/**
 * Opens what is compared, then commits its events, each if its record is still as it was opened. The result of the
 * comparison leaves after them.
 */
async function compare(
  deps: CompareDeps,
  caller: Caller,
  request: Pick<MatchRequest, 'purpose' | 'comparison'> & { tokens: readonly Token[]; names: ComparableName[] },
  facts: RequestFacts,
  extra: MatchExtra,
): Promise<boolean> {
  const { tokens, names, purpose, comparison } = request
  const [token, other] = tokens as [Token, Token?]
  const whose = { owner: caller.id, site: caller.site }
  await deps.keys.ensureFresh()
  const found = (await deps.lookUp({ ...whose, tokens, part: 'secret' })).map(requireLive)
  for (const [at, record] of found.entries()) await requireOwnToken(deps.keys, record, 'secret', tokens[at]!)
  const policies = await deps.policies.at(caller.policies)
  const consents = found.map((record) => {
    const consent = purpose && requirePurpose(policies, purpose, record)
    deps.erasures.requireUnrestricted(record.token, purpose)
    return consent
  })
  const [mine, theirs] = await Promise.all(
    found.map((record) => openDetails(deps.keys, { ...record, secret: record.sealed })),
  )
  const equal = names.map((name) =>
    isEqual(
      deps.keys,
      comparableOf(kindNameOf(token), name, mine!),
      'other' in comparison
        ? comparableOf(kindNameOf(other!), name, theirs!)
        : comparableInput(name, comparison.values.expose()[name] ?? ''),
    ),
  )
  const records = found.map((record, at) => ({
    record,
    consent: consents[at],
    event: leaveOutRecord(deps.newAuditEvent, {
      type: 'record.match',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      token: record.token,
      kind: kindNameOf(record.token),
      purpose,
      fields: names,
      replay_of: extra.replayOf?.[at],
    }),
  }))
  const outcomes = await storeUnderKeys(deps.keys, () => {
    const idempotency = extra.idempotency?.(records.map(({ event }) => event.id))
    return deps.batches.release({ ...whose, records, idempotency, now: deps.now() })
  })
  for (const outcome of outcomes) requireReleased(outcome)
  return equal.every(Boolean)
}

/** @throws {Problem} invalid-input, for any record */
function namesToCompare(
  token: Token,
  other: Token | undefined,
  wanted: readonly ComparableName[] | undefined,
): ComparableName[] {
  const shared = comparableNamesOf(kindNameOf(token)).filter(
    (name) => other === undefined || comparableNamesOf(kindNameOf(other)).includes(name),
  )
  // Two addresses are compared as places unless their names are asked for.
  const names = wanted ?? (shared.includes('address') ? (['address'] as const) : shared)
  if (names.length > 0 && names.every((name) => shared.includes(name))) return [...new Set(names)]
  const detail = `expected some of: ${shared.join(', ')}`
  throw new Problem('invalid-input', { errors: [{ pointer: '#/fields', detail }] })
}

/** Compares digests in constant time, whether there is something on both sides or not. */
function isEqual(keys: Pick<Keys, 'ring'>, one: string | undefined, other: string | undefined): boolean {
  const key = keys.ring.active('index')
  const [a, b] = [one, other].map((value) => keyedHash(key, 'match', [value ?? ''])) as [Buffer, Buffer]
  return timingSafeEqual(a, b) && one !== undefined && other !== undefined
}
