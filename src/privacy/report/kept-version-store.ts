import type { Queryable, Statement } from '../../database/database.ts'
import { idArray } from '../../database/id-array.ts'
import { spellOut } from '../../database/lean-rows.ts'
import type { KindName } from '../../kinds/registry.ts'
import type { StoredRecord } from '../../records/record/record.ts'
import type { Token } from '../../records/record/token.ts'

/** A version of a record that a correction replaced. */
export interface KeptVersion extends Pick<StoredRecord, 'token' | 'kind' | 'site' | 'version' | 'display' | 'secret'> {
  replacedAt: Date
}

const SELECT: Statement = {
  name: 'select-kept-versions',
  text: `SELECT token, version, kind, site, display_key, display_sealed, secret_key, secret_sealed, replaced_at
         FROM record_versions WHERE token = ANY ($1::uuid[]) ORDER BY token, version`,
}

interface VersionRow {
  token: Token
  kind: KindName
  site: string
  version: number
  display_key_id: string
  display_sealed: Buffer
  secret_key_id: string
  secret_sealed: Buffer
  replaced_at: Date
}

/** The versions of these records that corrections replaced, each record's in their order. */
export async function selectKeptVersions(db: Queryable, tokens: readonly Token[]): Promise<KeptVersion[]> {
  if (tokens.length === 0) return []
  const rows = await spellOut<VersionRow>(db, await db.query(SELECT, [idArray(tokens)]))
  return rows.map(({ display_key_id, display_sealed, secret_key_id, secret_sealed, replaced_at, ...version }) => ({
    ...version,
    display: { keyId: display_key_id, bytes: display_sealed },
    secret: { keyId: secret_key_id, bytes: secret_sealed },
    replacedAt: replaced_at,
  }))
}
