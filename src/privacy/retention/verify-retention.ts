import { selectHolds } from '../../access/ledger/hold-store.ts'
import type { Queryable } from '../../database/database.ts'
import { readUnverified } from '../../policies/current-policies.ts'
import { selectRevived, selectUndone } from '../erasure/erasure-store.ts'
import { type HoldDeps, isHeldBy, type ListedHold, listHolds } from './holds.ts'
import { countByClass, dueOf, type PlanRetentionDeps, planRetention } from './plan-retention.ts'
import { walkDue } from './retention-store.ts'

/** What should be gone, and what a person should have looked at. */
export interface RetentionState {
  /** Records that are past their time by more than a day and that no hold keeps. */
  overdue: number
  /** Those of them under rules that no operator has enabled. */
  not_enabled: number
  /** Erasures that were ordered more than a day ago, are not done, and that no hold keeps. */
  unfinished: number
  /** Records that only a hold keeps. */
  held: number
  /** Holds whose review is overdue. */
  unreviewed: string[]
  /** Records that the ledger of erasures says were erased, and that are there. */
  revived: string[]
  /** Records whose holds were changed, added or removed outside the vault. */
  changed: string[]
}

/** A server that erases each hour has had its chance. */
const LATE_MS = 24 * 60 * 60 * 1000
const PAGE = 1_000

/** @throws {RetentionRefused} @throws {Problem} sealed, database-unavailable */
export async function findOverdue(deps: PlanRetentionDeps & HoldDeps): Promise<RetentionState> {
  const { database, now } = deps
  const plan = await planRetention(deps, LATE_MS)
  const late = new Date(now().getTime() - LATE_MS)
  const holds = await listHolds(deps)
  const found: RetentionState = {
    overdue: 0,
    not_enabled: 0,
    unfinished: 0,
    held: 0,
    unreviewed: holds.filter(({ isOverdue }) => isOverdue).flatMap(({ hold }) => hold?.id ?? []),
    revived: await selectRevived(database),
    changed: [...new Set(holds.filter(isNotIntact).map(({ token }) => token))],
  }
  for (const one of plan.classes) {
    for await (const page of walkDue(database, [dueOf(one, late)], PAGE)) {
      const free = page.filter(({ token }) => !isHeldBy(plan.state, token)).length
      found.overdue += free
      found.held += page.length - free
      if (!one.isEnabled) found.not_enabled += free
    }
  }
  for await (const page of selectUndone(database, late)) {
    const free = page.filter(({ token }) => !isHeldBy(plan.state, token)).length
    found.unfinished += free
  }
  return found
}

/** The same without keys, for the doctor: policies and holds as their rows say, unverified. */
export async function findUnverified(
  database: Queryable,
  now: Date,
): Promise<{ overdue: number; unfinished: number; unreviewed: number; revived: number }> {
  const late = new Date(now.getTime() - LATE_MS)
  const holds = await selectHolds(database)
  const held = new Set(holds.map(({ token }) => token))
  const unreviewed = holds.filter(({ review_at }) => review_at <= now).length
  const policies = await readUnverified(database)
  const { ruled, counts } = await countByClass(database, policies, late)
  let overdue = 0
  for (const one of ruled.filter((_, at) => counts[at]! > 0)) {
    for await (const page of walkDue(database, [dueOf(one, late)], PAGE)) {
      overdue += page.filter(({ token }) => !held.has(token)).length
    }
  }
  let unfinished = 0
  for await (const page of selectUndone(database, late)) {
    unfinished += page.filter(({ token }) => !held.has(token)).length
  }
  return { overdue, unfinished, unreviewed, revived: (await selectRevived(database)).length }
}

const isNotIntact = ({ is }: ListedHold) => is !== 'intact'

export function isInOrder({ overdue, unfinished, unreviewed, revived, changed }: RetentionState): boolean {
  return overdue + unfinished + unreviewed.length + revived.length + changed.length === 0
}
