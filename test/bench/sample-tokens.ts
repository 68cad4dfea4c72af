import { query } from './cluster.ts'

/**
 * Tokens of stored records from all over the table, at most `count`. Tokens and kinds are read as the table has them, text
 * or uuid and number, and translated here: a view that translates them cannot be sampled.
 */
export async function sampleTokens(superuserUrl: string, kind: 'card' | 'contact', count: number): Promise<string[]> {
  const [row] = await query<{ count: number; names: string[] }>(
    superuserUrl,
    `SELECT count(*)::integer AS count, array(SELECT id::text FROM dictionary WHERE sort = 'kind' AND name = $1) || $1::text AS names
     FROM records`,
    [kind],
  )
  // A sample of many records, all of few.
  const percent = Math.min(100, (100 * 2 * count) / Math.max(1, row!.count))
  const sampled = percent === 100 ? '' : `TABLESAMPLE SYSTEM (${percent})`
  const rows = await query<{ token: string }>(
    superuserUrl,
    `SELECT CASE WHEN token LIKE '%\\_%' THEN token ELSE uuid_id($2, token::uuid) END AS token
     FROM (SELECT token::text FROM records ${sampled} WHERE kind::text = ANY ($1::text[]) ORDER BY random() LIMIT $3) AS t`,
    [row!.names, PREFIXES[kind], count],
  )
  return rows.map(({ token }) => token)
}

const PREFIXES = { card: 'card', contact: 'cont' } as const
