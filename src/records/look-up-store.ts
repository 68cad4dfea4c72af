import { integerArray, textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { opaqueArray } from '../database/opaque-array.ts'
import type { StoredRecord } from './record.ts'
import type { Token } from './token.ts'

/** The records that one request wants to open, on its caller's site. */
export interface LookUp {
  /** The caller whose request it is. */
  owner?: string
  site: string
  tokens: readonly Token[]
}

/** A record as it stood at one moment, with its secret part. Nothing of it may leave until its release has committed. */
export type LookedUp = Omit<StoredRecord, 'display'> | 'erased' | undefined

/** One by one, along the primary key: see `releaseRecords`. */
const LOOK_UP: Statement = {
  name: 'look-up-records',
  text: `SELECT item, r.token, kind, r.site, version, policy_version, consents, created_at, updated_at, secret_key_id, secret_sealed
         FROM unnest(${opaqueArray(1, 'integer')}, $2::text[], $3::text[]) AS w (item, token, site) CROSS JOIN LATERAL (
           SELECT * FROM records WHERE token = w.token AND site = w.site OFFSET 0) r`,
}

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
  secret_key_id: string | null
  secret_sealed: Buffer | null
}

/** The records of any number of requests in one statement, for each request in the order of its tokens. */
export async function lookUpRecords(db: Queryable, lookUps: readonly LookUp[]): Promise<LookedUp[][]> {
  const items = lookUps.flatMap(({ site, tokens }) => tokens.map((token) => ({ token, site })))
  const rows = await db.query<Row>(LOOK_UP, [
    integerArray(items.map((_, at) => at)),
    textArray(items.map(({ token }) => token)),
    textArray(items.map(({ site }) => site)),
  ])
  const found: LookedUp[] = items.map(() => undefined)
  for (const row of rows) found[row.item] = toLookedUp(row)
  let start = 0
  return lookUps.map(({ tokens }) => {
    start += tokens.length
    return found.slice(start - tokens.length, start)
  })
}

function toLookedUp({ secret_key_id: keyId, secret_sealed: bytes, ...row }: Row): LookedUp {
  if (keyId === null || bytes === null) return 'erased'
  const { token, kind, site, version, consents } = row
  return {
    ...{ token, kind, site, version, consents },
    policyVersion: row.policy_version ?? undefined,
    secret: { keyId, bytes },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
