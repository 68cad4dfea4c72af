import { byteaArray, timestampArray, uuidArray } from '../../database/binary-array.ts'
import { buildStatement, type Parameters } from '../../database/build-statement.ts'
import type { Queryable } from '../../database/database.ts'
import { CallerChanged } from '../../values/caller-changed.ts'
import type { Problem } from '../../values/problem.ts'
import { VaultError } from '../../values/vault-error.ts'
import { selectAccessVersion } from '../ledger/caller-store.ts'
import { invalidProof, type Presumption } from '../policy/presumption.ts'

/** The arrays of a statement that does the work of calls: an element for each call, in their order. */
export const PRESUMED_ARRAYS = { presumed_version: 'uuid[]' } as const
/** The same, if proofs came with some of the calls. PostgreSQL opens a table for every INSERT, also without rows. */
export const PRESUMED_WITH_JTI_ARRAYS = {
  ...PRESUMED_ARRAYS,
  presumed_jti: 'bytea[]',
  presumed_jti_expires_at: 'timestamptz[]',
} as const

/**
 * SQL of the CTE `proven`: the numbers of the calls, from 0, whose presumptions hold in the snapshot of the statement. The
 * statement writes only for the calls that are in it.
 */
export function provenSql(p: Parameters<typeof PRESUMED_ARRAYS>): string {
  return `proven AS MATERIALIZED (
      SELECT place::integer - 1 AS call FROM unnest(${p.presumed_version}) WITH ORDINALITY AS c (presumed, place)
      WHERE presumed IS NULL OR presumed = (SELECT version FROM access_version))`
}

/**
 * The same for calls with proofs. The CTE `present` has the calls of the present version of access, and their proofs are
 * remembered. This happens in the order of the ids, so that two statements never wait for each other in a circle. Of
 * calls with the same proof the first is proven.
 */
export function provenWithJtiSql(p: Parameters<typeof PRESUMED_WITH_JTI_ARRAYS>): string {
  return `present AS MATERIALIZED (
      SELECT place::integer - 1 AS call, jti, expires_at
      FROM unnest(${p.presumed_version}, ${p.presumed_jti}, ${p.presumed_jti_expires_at})
        WITH ORDINALITY AS c (presumed, jti, expires_at, place)
      WHERE presumed IS NULL OR presumed = (SELECT version FROM access_version)),
    remembered AS (
      INSERT INTO spent_ids (id, expires_at)
      SELECT DISTINCT ON (jti) jti, expires_at FROM present WHERE jti IS NOT NULL ORDER BY jti, call
      ON CONFLICT (id) DO NOTHING RETURNING id),
    proven AS MATERIALIZED (
      SELECT call FROM present WHERE jti IS NULL
      UNION ALL SELECT min(call) FROM present JOIN remembered ON id = jti GROUP BY jti)`
}

type Presumed = readonly (Presumption | undefined)[]

export function haveJti(presumed: Presumed): boolean {
  return presumed.some((presumption) => presumption?.jti !== undefined)
}

export function presumedArrays(presumed: Presumed) {
  return { presumed_version: uuidArray(presumed.map((presumption) => bytesOf(presumption?.accessVersion))) }
}

export function presumedWithJtiArrays(presumed: Presumed) {
  return {
    ...presumedArrays(presumed),
    presumed_jti: byteaArray(presumed.map((presumption) => presumption?.jti?.id ?? null)),
    presumed_jti_expires_at: timestampArray(presumed.map((presumption) => presumption?.jti?.expiresAt ?? null)),
  }
}

const bytesOf = (uuid: string | undefined) => (uuid === undefined ? null : Buffer.from(uuid.replaceAll('-', ''), 'hex'))

/**
 * Takes what a committed statement says of its calls into their presumptions.
 *
 * @param isPresent whether the call is of the present version of access; left out if no proof came with any of them
 * @returns for each call why nothing was done for it; undefined if its presumption holds
 */
export function settlePresumed(
  presumed: Presumed,
  isProven: (call: number) => boolean,
  isPresent: (call: number) => boolean = isProven,
): (CallerChanged | Problem | undefined)[] {
  return presumed.map((presumption, call) => {
    if (!isProven(call)) return isPresent(call) ? invalidProof() : new CallerChanged()
    if (presumption === undefined) return undefined
    presumption.jti = undefined
    presumption.isProven = true
    return undefined
  })
}

const REMEMBER = buildStatement(
  'remember-jtis',
  PRESUMED_WITH_JTI_ARRAYS,
  (p) => `WITH ${provenWithJtiSql(p)} SELECT version, ARRAY(SELECT call FROM proven) AS proven FROM access_version`,
)

/**
 * Remembers the proofs that came with calls, for callers of any status. Answers with the version of access, and with why
 * a proof does not count.
 */
export async function rememberProofs(
  db: Queryable,
  presumed: Presumed,
): Promise<{ version: string; faults: (Error | undefined)[] }> {
  const proofs = presumed.map((presumption) => presumption && { jti: presumption.jti, isProven: false })
  if (!haveJti(proofs)) return { version: await selectAccessVersion(db), faults: proofs.map(() => undefined) }
  const values = REMEMBER.valuesOf(presumedWithJtiArrays(proofs))
  const [row] = await db.query<{ version: string; proven: number[] }>(REMEMBER, values)
  if (row === undefined) throw new VaultError('access_version has lost its row')
  const faults = settlePresumed(
    proofs,
    (call) => row.proven.includes(call),
    () => true,
  )
  for (const [at, presumption] of presumed.entries()) {
    if (presumption && faults[at] === undefined) presumption.jti = undefined
  }
  return { version: row.version, faults }
}
