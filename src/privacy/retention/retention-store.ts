import { smallintArray, timestampArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { FIRST_UUID, nameOfConsents, smallNumbers, spellOut } from '../../database/lean-rows.ts'
import type { KindName } from '../../kinds/registry.ts'
import type { ErasedPlace } from '../../records/change/erasure-ledger.ts'
import type { Token } from '../../records/record/token.ts'
import { uuidOf } from '../../values/identifier.ts'
import type { RecordClass } from './rules.ts'

/** A table of many records is read from its beginning to its end. */
const LONG_MS = 10 * 60 * 1000

const SELECT_CLASSES: Statement = {
  name: 'select-classes-of-records',
  text: 'SELECT DISTINCT kind, policy, consents FROM records WHERE erased_at IS NULL',
  timeoutMs: LONG_MS,
}

/** Every combination of kind, version of the policy and consents that live records have. */
export async function selectClasses(db: Queryable): Promise<RecordClass[]> {
  const rows = await spellOut<{ kind: KindName; policy_version: string | null; consents: string[] }>(
    db,
    await db.query<Record<string, unknown>>(SELECT_CLASSES),
  )
  return rows.map(({ kind, policy_version, consents }) => ({
    kind,
    policyVersion: policy_version ?? undefined,
    consents,
  }))
}

/** Records of a class that were stored up to then. */
export interface Due {
  of: RecordClass
  until: Date
}

const CLASSES = `unnest($1::smallint[], $2::integer[], $3::integer[], $4::timestamptz[])
                   WITH ORDINALITY AS c (kind, policy, consents, until, at)`
const IS_DUE = `r.erased_at IS NULL AND r.kind = c.kind AND r.policy IS NOT DISTINCT FROM c.policy
                  AND r.consents = c.consents AND r.created_at <= c.until`

const COUNT_DUE: Statement = {
  name: 'count-due-records',
  text: `SELECT (c.at - 1)::integer AS at, count(*)::integer AS count FROM ${CLASSES} JOIN records r ON ${IS_DUE} GROUP BY c.at`,
  timeoutMs: LONG_MS,
}

/** How many records are due, in the order of the classes. */
export async function countDue(db: Queryable, due: readonly Due[]): Promise<number[]> {
  const counts = due.map(() => 0)
  if (due.length === 0) return counts
  const rows = await db.query<{ at: number; count: number }>(COUNT_DUE, await valuesOf(db, due))
  for (const { at, count } of rows) counts[at] = count
  return counts
}

const SELECT_DUE: Statement = {
  name: 'select-due-records',
  text: `SELECT r.token, r.kind, r.site FROM ${CLASSES} JOIN records r ON ${IS_DUE}
         WHERE r.token > $5 ORDER BY r.token LIMIT $6`,
  timeoutMs: LONG_MS,
}

/** Those records, in the order of their tokens, in pages. */
export async function* walkDue(db: Queryable, due: readonly Due[], page: number): AsyncGenerator<ErasedPlace[]> {
  if (due.length === 0) return
  for (let after = FIRST_UUID; ; ) {
    const rows = await db.query<{ token: string }>(SELECT_DUE, [...(await valuesOf(db, due)), after, page])
    if (rows.length > 0) yield await spellOut<ErasedPlace>(db, rows)
    if (rows.length < page) return
    after = rows.at(-1)!.token
  }
}

async function valuesOf(db: Queryable, due: readonly Due[]): Promise<unknown[]> {
  const policies = await db.dictionary.ids(
    'policy',
    due.map(({ of }) => of.policyVersion ?? null),
  )
  const consents = await db.dictionary.ids(
    'consents',
    due.map(({ of }) => nameOfConsents(of.consents)),
  )
  return [
    await smallNumbers(
      db,
      'kind',
      due.map(({ of }) => of.kind),
    ),
    due.map(({ of }) => policies(of.policyVersion ?? null)),
    due.map(({ of }) => consents(nameOfConsents(of.consents))),
    timestampArray(due.map(({ until }) => until)),
  ]
}

const FIND_PLACE: Statement = {
  name: 'find-place-of-record',
  text: 'SELECT token, kind, site FROM records WHERE token = $1 AND kind = ANY ($2::smallint[])',
}

/** Where a record is, whatever its site. */
export async function findPlace(db: Queryable, token: Token, kind: KindName): Promise<ErasedPlace | undefined> {
  const kinds = smallintArray([(await db.dictionary.ids('kind', [kind]))(kind)])
  const rows = await db.query<Record<string, unknown>>(FIND_PLACE, [uuidOf(token), kinds])
  return (await spellOut<ErasedPlace>(db, rows))[0]
}
