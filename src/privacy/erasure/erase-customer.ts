import { insertReason } from '../../access/approvals/reason-store.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Transaction } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { eraseOrdered, eraseOrderedIn } from '../../records/change/erase-ordered.ts'
import { orderErasures, orderOf } from '../../records/change/order-erasures.ts'
import { permitChange, requireChangeOfAny, type WhyChange } from '../../records/change/permit-change.ts'
import type { RecordDeps, RequestFacts } from '../../records/dependencies.ts'
import { findCustomerTokens } from '../../records/find-customer-tokens.ts'
import { type IdempotencyRow, insertIdempotency } from '../../records/idempotency/idempotency-store.ts'
import { sealReason } from '../../records/record/seal-reason.ts'
import { parseToken, type Token } from '../../records/record/token.ts'
import { Problem } from '../../values/problem.ts'

/** Whose records are to be erased, and why. */
export interface CustomerErasureRequest extends WhyChange {
  customer: string
}

/** What became of the records of a customer. */
export interface CustomerErasure {
  customer: string
  /** How many are gone. */
  erased: number
  /** How many a hold keeps; they are erased once it is released. */
  postponed: number
  /** The id of the event of the whole. */
  event: string
}

export type EraseCustomerDeps = Pick<
  RecordDeps,
  'budgets' | 'database' | 'erasures' | 'findByTerm' | 'keys' | 'newAuditEvent' | 'now'
>

const SCOPE = 'token:erase'
/** The locks of records are few: more of them in one transaction would hold up the releases of every other customer. */
const AT_A_TIME = 100

/**
 * Erases all records of a customer on the caller's site: in one transaction, or in several where there are more than a hundred. Nothing
 * is erased unless the caller may erase each of them. The intents are written ahead, so an erasure that was cut off is finished. The
 * last transaction has the event of the whole, and the reason, sealed, beside it.
 *
 * @throws {Problem} scope-missing, purpose-not-permitted, condition-not-met, budget-spent, audit-unavailable
 */
export async function eraseCustomer(
  deps: EraseCustomerDeps,
  caller: Caller,
  request: CustomerErasureRequest,
  facts: RequestFacts,
  reserve?: (answer: CustomerErasure) => IdempotencyRow,
): Promise<CustomerErasure> {
  const { customer, purpose, reason, ticket } = request
  requireChangeOfAny(deps, caller, SCOPE, request)
  await deps.keys.ensureFresh()
  const tokens = await permittedTokens(deps, caller, request)
  const order = orderOf(caller, facts, { purpose, ticket })
  const records = tokens.map((token) => ({ token, site: caller.site }))
  let erased = 0
  let postponed = 0
  let from = 0
  for (; records.length - from > AT_A_TIME; from += AT_A_TIME) {
    const some = records.slice(from, from + AT_A_TIME)
    await orderErasures(deps, some, order)
    const done = await eraseOrdered(deps, some, order)
    erased += done.erased.length
    postponed += done.postponed.length
  }
  const last = records.slice(from)
  if (last.length > 0) await orderErasures(deps, last, order)
  const finishIn = async (tx: Transaction): Promise<CustomerErasure> => {
    const done = await eraseOrderedIn(deps, tx, last, order)
    const event = eventOf(deps, caller, request, facts, erased + done.erased.length)
    const answer: CustomerErasure = {
      customer,
      erased: erased + done.erased.length,
      postponed: postponed + done.postponed.length,
      event: event.id,
    }
    await insertIdempotency(tx, { idempotency: reserve?.(answer), now: deps.now() })
    await insertEvents(tx, [event])
    await insertReason(tx, event.id, reason === undefined ? undefined : sealReason(deps, event.id, reason))
    return answer
  }
  return storeUnderKeys(deps.keys, async () => {
    await deps.keys.ensureFresh()
    return deps.database.transaction(finishIn)
  })
}

/** The records that the caller may erase: all that are there, or none. One that goes meanwhile is left out. */
async function permittedTokens(
  deps: EraseCustomerDeps,
  caller: Caller,
  request: CustomerErasureRequest,
): Promise<Token[]> {
  const found = await findCustomerTokens(deps, { site: caller.site, customer: request.customer })
  const permitted: Token[] = []
  for (const token of found.flatMap((text) => parseToken(text) ?? []).sort()) {
    try {
      await permitChange(deps, caller, { scope: SCOPE, token }, request)
      permitted.push(token)
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'record-gone') throw error
    }
  }
  return permitted
}

function eventOf(
  { newAuditEvent }: Pick<RecordDeps, 'newAuditEvent'>,
  caller: Caller,
  { purpose, ticket }: CustomerErasureRequest,
  facts: RequestFacts,
  count: number,
): AuditEvent {
  return newAuditEvent({
    type: 'customer.erase',
    outcome: 'success',
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    purpose,
    ticket,
    count,
  })
}
