import type { AccessLedger } from '../../access/ledger/access-ledger.ts'
import { stateOfHolds } from '../../access/ledger/held-state.ts'
import { deleteHold, type Hold, insertHold, selectHolds, selectHoldsOf } from '../../access/ledger/hold-store.ts'
import type { AccessState } from '../../access/ledger/ledger-chain.ts'
import { heldBy, holdSubject, REFUSED, restrictedSubject } from '../../access/ledger/ledger-subject.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import { lockRecord } from '../../records/record/record-store.ts'
import { kindNameOf, parseToken, type Token } from '../../records/record/token.ts'
import type { NewId } from '../../values/identifier.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { VaultLedger } from '../erasure/erasure-ledger.ts'
import { findErasures } from '../erasure/erasure-store.ts'
import { hashOfToken } from '../erasure/ledger-line.ts'
import { findPlace } from './retention-store.ts'

/** The hold cannot be added or released; the message says why. */
export class HoldRefused extends VaultError {
  override readonly name = 'HoldRefused'
}

export interface HoldDeps {
  database: Database
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
  erasures: Pick<VaultLedger, 'entryOf'>
}

export interface HoldRequest {
  token: string
  /** Left out: for every purpose. */
  purpose: Purpose | undefined
  reason: string
  reviewAt: Date
}

/**
 * Keeps a record from being erased, by retention, by callers and by a restore. It is ordered against erasures by the
 * lock of the record: an erasure that was acknowledged is done, and one that comes later is postponed. One that was ordered and
 * is not done yet is postponed too, and from then on the record is released for the purposes of its holds alone.
 *
 * @throws {HoldRefused}
 * @throws {Problem} sealed, audit-unavailable
 */
export async function addHold(
  { database, erasures, ledger, newAuditEvent, newId, now }: HoldDeps,
  operator: AuditCaller,
  { token: text, purpose, reason, reviewAt }: HoldRequest,
): Promise<Hold> {
  const token = parseToken(text)
  const place = token && (await findPlace(database, token, kindNameOf(token)))
  if (token === undefined || place === undefined) throw new HoldRefused('there is no such record.')
  return database.transaction(async (tx) => {
    await ledger.hold(tx)
    const record = await lockRecord(tx, place.site, token)
    if (record === undefined || record === 'erased') throw new HoldRefused('the record is erased already.')
    const before = await selectHoldsOf(tx, token, record.kind)
    const state = (await ledger.stateIn(tx)).get(holdSubject(token))
    if (state !== expectedState(before)) throw new HoldRefused(CHANGED)
    const hold: Hold = {
      id: newId('hold'),
      token,
      kind: record.kind,
      site: record.site,
      purpose: purpose ?? null,
      reason,
      review_at: reviewAt,
      created_at: now(),
    }
    await insertHold(tx, hold)
    const isOrdered = (await findErasures(tx, [hashOfToken(token)])).some(
      (row) => row.done_at === null && erasures.entryOf(row) !== undefined,
    )
    await ledger.record(tx, [
      { subject: holdSubject(token), state: stateOfHolds([...before, hold]) },
      ...(isOrdered ? [{ subject: restrictedSubject(token), state: REFUSED }] : []),
    ])
    const facts = { type: 'hold.add', outcome: 'success', caller: operator, subject: hold.id } as const
    const { site, kind } = record
    await insertEvents(tx, [
      newAuditEvent({ ...facts, token, site, kind, purpose, reason, until: reviewAt.toISOString() }),
    ])
    return hold
  })
}

const CHANGED =
  'the holds of this record were changed outside the vault: release them all with "retention hold release TOKEN" first.'

export interface ReleasedHolds {
  token: string
  released: string[]
  /** Whether another hold keeps the record. */
  isHeld: boolean
}

/**
 * Releases one hold by its id, or every hold of a record by its token, also those whose rows are gone.
 *
 * @throws {HoldRefused}
 * @throws {Problem} sealed, audit-unavailable
 */
export async function releaseHold(
  { database, ledger, newAuditEvent }: HoldDeps,
  operator: AuditCaller,
  name: string,
): Promise<ReleasedHolds> {
  const token = parseToken(name) ?? ((await selectHolds(database)).find(({ id }) => id === name)?.token as Token)
  if (token === undefined) throw new HoldRefused('there is no such hold.')
  const kind = kindNameOf(token)
  const site = (await findPlace(database, token, kind))?.site
  return database.transaction(async (tx) => {
    await ledger.hold(tx)
    if (site !== undefined) await lockRecord(tx, site, token)
    const all = await selectHoldsOf(tx, token, kind)
    const isNamed = (hold: Hold) => name === token || hold.id === name
    const [gone, left] = [all.filter(isNamed), all.filter((hold) => !isNamed(hold))]
    const state = (await ledger.stateIn(tx)).get(holdSubject(token))
    if (gone.length === 0 && (name !== token || state === undefined)) throw new HoldRefused('there is no such hold.')
    if (left.length > 0 && state !== expectedState(all)) throw new HoldRefused(CHANGED)
    for (const { id } of gone) await deleteHold(tx, id)
    if (state !== undefined)
      await ledger.record(tx, [{ subject: holdSubject(token), state: expectedState(left) ?? null }])
    const facts = { type: 'hold.release', outcome: 'success', caller: operator, token, site, kind } as const
    const subjects = gone.length > 0 ? gone : [{ id: undefined, purpose: null }]
    await insertEvents(
      tx,
      subjects.map(({ id, purpose }) => newAuditEvent({ ...facts, subject: id, purpose: purpose ?? undefined })),
    )
    return { token, released: gone.map(({ id }) => id), isHeld: left.length > 0 }
  })
}

/** A hold as an operator sees it. */
export interface ListedHold {
  token: string
  /** Null where the row was removed outside the vault: the record stays kept. */
  hold: Omit<Hold, 'token'> | null
  /** `added`: it keeps nothing, since the vault did not write it. `changed`, `removed`: the record stays kept. */
  is: 'intact' | 'added' | 'changed' | 'removed'
  isOverdue: boolean
  /** Whether the record is to be erased once it is released. */
  isPostponed: boolean
}

/** Every hold, those first whose review comes first, with what was changed outside the vault. @throws {Problem} sealed */
export async function listHolds({ database, ledger, now }: HoldDeps): Promise<ListedHold[]> {
  // The ledger comes second: what was added in between is not missing.
  const rows = await selectHolds(database)
  const state = await ledger.stateIn(database)
  const again = await selectHolds(database)
  const present = again.length === rows.length ? again : rows
  const byToken = Map.groupBy(present, ({ token }) => token)
  const listed = [...byToken].flatMap(([token, holds]) =>
    holds.map(({ token: _token, ...hold }) => ({
      token,
      hold,
      is: verdictOf(holds, state.get(holdSubject(token))),
      isOverdue: hold.review_at <= now(),
      isPostponed: state.has(restrictedSubject(token)),
    })),
  )
  const removed = [...state.keys()].flatMap((subject) => {
    const token = heldBy(subject)
    if (token === undefined || byToken.has(token)) return []
    const isPostponed = state.has(restrictedSubject(token))
    return [{ token, hold: null, is: 'removed' as const, isOverdue: false, isPostponed }]
  })
  return [...listed.toSorted((one, other) => Number(one.hold.review_at) - Number(other.hold.review_at)), ...removed]
}

function verdictOf(holds: readonly Hold[], state: string | undefined): ListedHold['is'] {
  if (state === undefined) return 'added'
  return state === stateOfHolds(holds) ? 'intact' : 'changed'
}

function expectedState(holds: readonly Hold[]): string | undefined {
  return holds.length === 0 ? undefined : stateOfHolds(holds)
}

/** Whether a hold keeps a record, by the ledger of access. A removed row changes nothing, and an added one keeps nothing. */
export function isHeldBy(state: AccessState, token: string): boolean {
  return state.has(holdSubject(token))
}
