import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { type CheckoutPart, checkoutParts } from '../../kinds/checkout-parts.ts'
import type { Details } from '../../kinds/kind.ts'
import type { Sensitive } from '../../values/sensitive.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import type { IdempotencyRow } from '../idempotency/idempotency-store.ts'
import { customerTerm, type OpenRecord, type TermHash } from '../record/record.ts'
import { divideRecord, hashTerms, maskedView, type PlainParts } from '../record/sealed-record.ts'
import { newToken } from '../record/token.ts'
import type { NewRecord } from './tokenize-store.ts'

/** One checkout, parsed. At least one part is present. */
export interface Checkout {
  customer?: string | undefined
  policyVersion?: string | undefined
  consents: readonly string[]
  parts: Partial<Record<CheckoutPart, Sensitive<Details>>>
}

export type TokenizedCheckout = { customer?: string } & Partial<Record<CheckoutPart, Record<string, unknown>>>

/** This many checkouts are sealed at once. */
const SLICE = 12

/**
 * Stores the parts of any number of checkouts, all in one statement and one durable commit, or none. Answers, per
 * checkout, with the tokens and masked views. While one slice of them is sealed, the next is prepared, and no more than
 * that: their plaintext and the queue of the sealing thread stay small.
 *
 * @param extra events and the idempotency key that commit together with the records
 */
export function tokenizeCheckouts(
  deps: TokenizeDeps,
  caller: Caller,
  checkouts: readonly Checkout[],
  facts: RequestFacts,
  extra: Extra = {},
): Promise<TokenizedCheckout[]> {
  return storeUnderKeys(deps.keys, () => sealAndInsert(deps, caller, checkouts, facts, extra))
}

type TokenizeDeps = Pick<RecordDeps, 'batches' | 'keys' | 'kinds' | 'newAuditEvent' | 'now' | 'randomBytes'>

interface Extra {
  idempotency?: ((answers: TokenizedCheckout[]) => IdempotencyRow) | undefined
  events?: readonly AuditEvent[]
  /** What must be done before the first checkout commits. It is done again if the checkout is. */
  before?: ((answer: TokenizedCheckout) => Promise<void>) | undefined
  /** Of the first checkout. */
  eventsOf?: ((answer: TokenizedCheckout) => AuditEvent[]) | undefined
}

async function sealAndInsert(
  deps: TokenizeDeps,
  caller: Caller,
  checkouts: readonly Checkout[],
  facts: RequestFacts,
  extra: Extra,
): Promise<TokenizedCheckout[]> {
  const now = deps.now()
  const records: NewRecord[] = []
  const answers: TokenizedCheckout[] = []
  let sealing: Promise<NewRecord[]> = Promise.resolve([])
  for (let at = 0; at < checkouts.length; at += SLICE) {
    await deps.keys.ensureFresh()
    const plain: PlainRecord[] = []
    for (const checkout of checkouts.slice(at, at + SLICE)) {
      if (checkouts.length > 1) await giveWay()
      const prepared = prepareCheckout(deps, caller, checkout, facts, now)
      plain.push(...prepared.records)
      answers.push(prepared.answer)
    }
    if (checkouts.length > 1) await giveWay()
    const before = sealing
    sealing = sealSlice(deps.keys, plain)
    // If the slice before has failed, this one is not awaited.
    sealing.catch(() => {})
    records.push(...(await before))
  }
  records.push(...(await sealing))
  await extra.before?.(answers[0]!)
  await deps.keys.ensureFresh()
  await deps.batches.insert({
    owner: caller.id,
    presumption: caller.presumption,
    now,
    records,
    idempotency: extra.idempotency?.(answers),
    events: [...(extra.events ?? []), ...(extra.eventsOf?.(answers[0]!) ?? [])],
  })
  return answers
}

/** A record whose parts are not sealed yet. Holds plaintext. */
interface PlainRecord {
  record: OpenRecord
  plain: PlainParts
  event: AuditEvent
}

type PrepareDeps = Pick<RecordDeps, 'keys' | 'kinds' | 'newAuditEvent' | 'randomBytes'>

/** Prepares the records of a checkout, up to the sealing. */
function prepareCheckout(
  deps: PrepareDeps,
  caller: Caller,
  checkout: Checkout,
  facts: RequestFacts,
  now: Date,
): { answer: TokenizedCheckout; records: PlainRecord[] } {
  const { customer } = checkout
  const answer: TokenizedCheckout = customer === undefined ? {} : { customer }
  const shared = { checkout, customerTerms: hashTerms(deps.keys, caller.site, customerTerm(customer)), now }
  const records: PlainRecord[] = []
  for (const [part, details] of Object.entries(checkout.parts) as [CheckoutPart, Sensitive<Details>][]) {
    const { record, view } = preparePart(deps, caller, shared, part, details, facts)
    records.push(record)
    answer[part] = view
  }
  return { answer, records }
}

function preparePart(
  deps: PrepareDeps,
  caller: Caller,
  shared: { checkout: Checkout; customerTerms: readonly TermHash[]; now: Date },
  part: CheckoutPart,
  details: Sensitive<Details>,
  facts: RequestFacts,
): { record: PlainRecord; view: Record<string, unknown> } {
  const { use } = checkoutParts[part]
  const kind = deps.kinds[checkoutParts[part].kind]
  const { customerTerms, now } = shared
  const { customer, policyVersion, consents } = shared.checkout
  const identity = { token: newToken(kind, deps.randomBytes), kind: kind.name, site: caller.site, version: 1 }
  const record = { ...identity, policyVersion, consents: [...consents], createdAt: now, updatedAt: now }
  const plain = divideRecord(deps.keys, kind, record, {
    details,
    customer,
    customerTerms,
    use,
    via: caller.session !== undefined && consents.length > 0 ? 'session' : undefined,
  })
  const event = deps.newAuditEvent({
    type: 'record.tokenize',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    token: record.token,
    kind: record.kind,
    policy_version: policyVersion,
  })
  // A checkout credential never sees more than the masked view, and no first digits.
  const view = maskedView(deps.kinds, record, { use, shown: plain.shown.shown }, { bin: false })
  return { record: { record, plain, event }, view }
}

async function sealSlice(keys: Keys, records: readonly PlainRecord[]): Promise<NewRecord[]> {
  const sealed = await keys.sealAll(records.flatMap(({ plain }) => [plain.display, plain.secret]))
  return records.map(({ record, plain: { terms }, event }, at) => {
    const [display, secret] = [sealed[2 * at]!, sealed[2 * at + 1]!]
    return { record: { ...record, display, secret }, terms, event }
  })
}
