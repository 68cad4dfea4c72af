import { integerArray, textArray } from '../../database/binary-array.ts'
import { buildStatement } from '../../database/build-statement.ts'
import type { Queryable } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { smallNumbers, spellOut } from '../../database/lean-rows.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import type { Sealed } from '../../keys/sealing/seal-context.ts'
import type { RecordPart, StoredRecord } from '../record/record.ts'
import type { Token } from '../record/token.ts'

/** The records that one request wants to open, on its caller's site. */
export interface LookUp {
  /** The caller whose request it is. */
  owner?: string
  site: string
  tokens: readonly Token[]
  /** The part of each record to open. */
  part: RecordPart
}

/**
 * A record as it was at one moment, with the requested part. Its token differs from the requested one if the row says
 * another kind: `requireOwnToken`.
 */
export interface FoundRecord extends Omit<StoredRecord, RecordPart> {
  sealed: Sealed
}

/** Nothing of it may leave until its release has committed. */
export type LookedUp = FoundRecord | 'erased' | undefined

/** One by one, along the primary key: see `releaseRecords`. */
export const LOOK_UP = buildStatement(
  'look-up-records',
  { item: 'integer[]', token: 'uuid[]', site: 'smallint[]', part: 'text[]' },
  (p) => `SELECT item, r.token, r.kind, r.site, version, policy, consents, created_at, updated_at,
                CASE w.part WHEN 'display' THEN display_key ELSE secret_key END AS key,
                CASE w.part WHEN 'display' THEN display_sealed ELSE secret_sealed END AS sealed
         FROM unnest(${opaqueArray(p.item)}, ${p.token}, ${p.site}, ${p.part}) AS w (item, token, site, part) CROSS JOIN LATERAL (
           SELECT * FROM records WHERE token = w.token AND site = w.site OFFSET 0) r`,
)

interface Row {
  item: number
  token: Token
  kind: StoredRecord['kind']
  site: string
  version: number
  policy_version: string | null
  consents: string[]
  created_at: Date
  updated_at: Date
  key_id: string | null
  sealed: Buffer | null
}

/** The records of any number of requests in one statement, for each request in the order of its tokens. */
export async function lookUpRecords(db: Queryable, lookUps: readonly LookUp[]): Promise<LookedUp[][]> {
  const items = lookUps.flatMap(({ site, tokens, part }) => tokens.map((token) => ({ token, site, part })))
  const sites = items.map(({ site }) => site)
  const values = LOOK_UP.valuesOf({
    item: integerArray(items.map((_, at) => at)),
    token: idArray(items.map(({ token }) => token)),
    site: await smallNumbers(db, 'site', sites),
    part: textArray(items.map(({ part }) => part)),
  })
  const rows = await db.query<Record<string, unknown>>(LOOK_UP, values)
  const found: LookedUp[] = items.map(() => undefined)
  for (const row of await spellOut<Row>(db, rows)) found[row.item] = toLookedUp(row, items[row.item]!.token)
  let start = 0
  return lookUps.map(({ tokens }) => {
    start += tokens.length
    return found.slice(start - tokens.length, start)
  })
}

function toLookedUp({ key_id: keyId, sealed: bytes, ...row }: Row, asked: Token): LookedUp {
  // A record of another kind never existed.
  if (keyId === null || bytes === null) return row.token === asked ? 'erased' : undefined
  const { token, kind, site, version, consents } = row
  return {
    token,
    kind,
    site,
    version,
    consents,
    policyVersion: row.policy_version ?? undefined,
    sealed: { keyId, bytes },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
