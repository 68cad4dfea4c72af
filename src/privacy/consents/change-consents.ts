import { lapseApprovals } from '../../access/approvals/approval-store.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Transaction } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { type Agreement, agreementsOf } from '../../policies/agreement.ts'
import { type PolicySet, STORE_CARD } from '../../policies/policy.ts'
import { requireKnownPolicy } from '../../policies/require-known-policy.ts'
import { eraseOrderedIn } from '../../records/change/erase-ordered.ts'
import { type ErasureOrder, orderErasures, orderOf } from '../../records/change/order-erasures.ts'
import { replaceRecord } from '../../records/change/record-change-store.ts'
import type { RecordDeps, RequestFacts } from '../../records/dependencies.ts'
import { findCustomerTokens } from '../../records/find-customer-tokens.ts'
import { type IdempotencyRow, insertIdempotency } from '../../records/idempotency/idempotency-store.ts'
import type { StoredRecord } from '../../records/record/record.ts'
import { findRecord, holdRecords, lockRecord } from '../../records/record/record-store.ts'
import { keptVersion, openDetails, openDisplay, sealRecord } from '../../records/record/sealed-record.ts'
import { parseToken, type Token } from '../../records/record/token.ts'
import { Problem } from '../../values/problem.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { giveWay } from '../../values/time-slice.ts'
import { VaultError } from '../../values/vault-error.ts'
import { type ConsentRequest, changeConsentsOf } from './consent-change.ts'

export type ChangeConsentsDeps = Pick<
  RecordDeps,
  'database' | 'erasures' | 'findByTerm' | 'keys' | 'kinds' | 'newAuditEvent' | 'now' | 'policies'
>

/** A record that is left, and what it says of its consents now. */
interface RecordConsents {
  token: Token
  policyVersion: string | undefined
  agreements: readonly Agreement[]
}

/** What became of the records of a customer. */
export interface ChangedRecords {
  records: readonly RecordConsents[]
  /** How many have other consents than before. */
  changed: number
  /** Cards that are gone, because the consent to keep them was withdrawn. */
  erased: readonly string[]
  at: Date
  policies: PolicySet
}

/** What the answer is made of, in the transaction: its event commits with it, and so does what is kept of it. */
export interface AnswerInTransaction<Answer> {
  answer: Answer
  events: readonly AuditEvent[]
  idempotency: IdempotencyRow | undefined
}

/** What became of some of the records. */
interface ChangedPart {
  records: RecordConsents[]
  changed: number
  erased: string[]
}

/** The locks of records are few: more of them in one transaction would hold up the releases of every other customer. */
const AT_A_TIME = 100

/**
 * Gives and withdraws consents on all records of a customer on the caller's site: in one transaction, or in several where there are
 * more than a hundred, of which the last one has the answer. The locks of the records order it against releases: none commits under a
 * withdrawn consent once this has answered. A change makes a new version of a record, whose seals are bound to the new consents. Cards
 * whose consent to be kept was withdrawn are erased, and that is written ahead. The same change again changes nothing, so what was cut
 * off is finished by the same call.
 *
 * @throws {Problem} unknown-policy-version, record-integrity, busy, audit-unavailable
 */
export async function changeConsents<Answer>(
  deps: ChangeConsentsDeps,
  caller: Caller,
  request: ConsentRequest,
  facts: RequestFacts,
  answerOf: (changed: ChangedRecords) => Promise<AnswerInTransaction<Answer>>,
): Promise<Answer> {
  const policies = await deps.policies.at(caller.policies)
  requireKnownPolicy(policies, request.policyVersion)
  await deps.keys.ensureFresh()
  const found = await findCustomerTokens(deps, { site: caller.site, customer: request.customer })
  const tokens = found.flatMap((token) => parseToken(token) ?? []).sort()
  const about = { caller, request, facts, policies }
  const done: ChangedPart = { records: [], changed: 0, erased: [] }
  let from = 0
  for (; tokens.length - from > AT_A_TIME; from += AT_A_TIME) {
    const part = await changeSome(deps, about, tokens.slice(from, from + AT_A_TIME), async (_tx, part) => part)
    done.records.push(...part.records)
    done.erased.push(...part.erased)
    done.changed += part.changed
  }
  return changeSome(deps, about, tokens.slice(from), async (tx, part, at) => {
    const { answer, events, idempotency } = await answerOf({
      records: [...done.records, ...part.records],
      changed: done.changed + part.changed,
      erased: [...done.erased, ...part.erased],
      at,
      policies,
    })
    await insertIdempotency(tx, { idempotency, now: at })
    await insertEvents(tx, events)
    return answer
  })
}

/** Changes these records in one transaction, which `finish` ends. */
async function changeSome<Result>(
  deps: ChangeConsentsDeps,
  about: { caller: Caller; request: ConsentRequest; facts: RequestFacts; policies: PolicySet },
  tokens: readonly Token[],
  finish: (tx: Transaction, part: ChangedPart, at: Date) => Promise<Result>,
): Promise<Result> {
  const { caller, request, facts, policies } = about
  const order: ErasureOrder = { ...orderOf(caller, facts, {}), reason: 'consent-withdrawn' }
  const changeIn = async (tx: Transaction, cards: readonly { token: Token; site: string }[]): Promise<Result> => {
    await deps.keys.ensureFresh()
    const at = deps.now()
    const part: ChangedPart = { records: [], changed: 0, erased: [] }
    const events: AuditEvent[] = []
    await holdRecords(tx, tokens)
    for (const token of tokens) {
      await giveWay()
      const record = await lockRecord(tx, caller.site, token)
      if (record === undefined || record === 'erased') continue
      if (isToGo(request, record) && !cards.some((card) => card.token === token))
        throw new KeptMeanwhile('the consent to keep a card was given meanwhile')
      const news = await changeRecord(deps, tx, { record, request, policies, at })
      events.push(...eventsOf(deps, caller, facts, news))
      part.records.push({ token, policyVersion: news.record.policyVersion, agreements: news.agreements })
      if (news.given.length + news.withdrawn.length > 0) part.changed++
    }
    await insertEvents(tx, events)
    if (cards.length > 0) part.erased = (await eraseOrderedIn(deps, tx, cards, order)).erased
    part.records = part.records.filter(({ token }) => !part.erased.includes(token))
    return finish(tx, part, at)
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const cards = await cardsToGo(deps, caller, tokens, request)
    if (cards.length > 0) await orderErasures(deps, cards, order)
    try {
      return await storeUnderKeys(deps.keys, () => deps.database.transaction((tx) => changeIn(tx, cards)))
    } catch (error) {
      if (!(error instanceof KeptMeanwhile)) throw error
    }
  }
  throw new Problem('busy', { retryAfterSeconds: 1 })
}

/** The consent to keep a card can be given between the order of erasures and their transaction once or twice, hardly three times. */
const ATTEMPTS = 3

/** The shopper has agreed that a card is kept after it was looked at, and nothing was changed. */
class KeptMeanwhile extends VaultError {
  override readonly name = 'KeptMeanwhile'
}

/** Whether a card is kept beyond its order because of a consent that the request withdraws. */
function isToGo({ withdraw }: ConsentRequest, { kind, consents }: StoredRecord): boolean {
  return kind === 'card' && withdraw.includes(STORE_CARD) && consents.includes(STORE_CARD)
}

/** The cards that go, because the consent to keep them is withdrawn. */
async function cardsToGo(
  { database }: Pick<RecordDeps, 'database'>,
  { site }: Caller,
  tokens: readonly Token[],
  request: ConsentRequest,
) {
  const kept: { token: Token; site: string }[] = []
  if (!request.withdraw.includes(STORE_CARD)) return kept
  for (const token of tokens) {
    const record = await findRecord(database, site, token)
    if (record !== undefined && record !== 'erased' && isToGo(request, record)) kept.push({ token, site })
  }
  return kept
}

/** A record after the change, and what the change was to it. */
interface ChangedRecord {
  record: StoredRecord
  agreements: readonly Agreement[]
  given: readonly string[]
  withdrawn: readonly string[]
}

/**
 * Seals a record that the transaction has locked again with its new consents, as its next version. Holds plaintext while it does. The
 * caller writes the events.
 */
export async function changeRecord(
  { keys, kinds }: Pick<RecordDeps, 'keys' | 'kinds'>,
  tx: Transaction,
  { record, request, policies, at }: { record: StoredRecord; request: ConsentRequest; policies: PolicySet; at: Date },
): Promise<ChangedRecord> {
  const { shown: _, ...display } = await openDisplay(keys, record)
  const policyVersion = request.policyVersion ?? record.policyVersion
  const news = changeConsentsOf(record, display, request, { policies, at })
  if (news === undefined) {
    return { record, agreements: agreementsOf(record, display, policies), given: [], withdrawn: [] }
  }
  const next = { ...record, version: record.version + 1, policyVersion, consents: news.consents, updatedAt: at }
  const details = new Sensitive(await openDetails(keys, record))
  const sealed = sealRecord(keys, kinds[record.kind], next, { ...display, ...news.kept, details })
  const after: StoredRecord = { ...next, display: sealed.display, secret: sealed.secret }
  await replaceRecord(tx, await keptVersion(keys, record, at), after, sealed.terms)
  await lapseApprovals(tx, record.token, at)
  const { given, withdrawn } = news
  return { record: after, agreements: agreementsOf(after, news.kept, policies), given, withdrawn }
}

function eventsOf(
  { newAuditEvent }: Pick<RecordDeps, 'newAuditEvent'>,
  caller: Caller,
  facts: RequestFacts,
  { record, given, withdrawn }: ChangedRecord,
): AuditEvent[] {
  const { token, kind, policyVersion, version } = record
  const changes = [
    ['consent.give', given],
    ['consent.withdraw', withdrawn],
  ] as const
  return changes
    .filter(([, names]) => names.length > 0)
    .map(([type, names]) =>
      newAuditEvent({
        type,
        outcome: 'success',
        request_id: facts.requestId,
        caller: auditCaller(caller, facts),
        site: caller.site,
        token,
        kind,
        fields: names,
        policy_version: policyVersion,
        record_version: version,
      }),
    )
}
