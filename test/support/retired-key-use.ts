import pg from 'pg'

/** A server that has not heard of a promotion stops sealing after this, and what it has sealed is committed or never will be. */
const SETTLE = `interval '5 seconds'`

/** Values under a key that may not protect: not promoted yet, or retired for longer than any server can be unaware of. */
const MISUSES = `
  WITH named AS (SELECT id, name FROM dictionary WHERE sort = 'key')
  SELECT k.id, k.state, r.token FROM keys k
  JOIN named ON named.name = k.id JOIN records r ON named.id IN (r.display_key, r.secret_key)
  WHERE k.state = 'pre-active' OR (k.state = 'deactivated' AND r.updated_at > k.deactivated_at + ${SETTLE})
  UNION ALL
  SELECT k.id, k.state, r.token FROM keys k JOIN named ON named.name = k.id
  JOIN search_terms t ON t.key = named.id JOIN records r ON r.token = t.token
  WHERE k.state = 'pre-active' OR (k.state = 'deactivated' AND r.updated_at > k.deactivated_at + ${SETTLE})`

export interface KeyUseWatch {
  looks: number
  misuses: unknown[]
  stop(): Promise<void>
}

/** Looks at the database all the time for values under keys that may not protect. */
export async function watchKeyUse(superuserUrl: string): Promise<KeyUseWatch> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  const watch = { looks: 0, misuses: [] as unknown[] }
  let isStopped = false
  const watching = (async () => {
    while (!isStopped) {
      watch.misuses.push(...(await client.query(MISUSES)).rows)
      watch.looks++
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })()
  return Object.assign(watch, {
    async stop() {
      isStopped = true
      await watching.finally(() => client.end())
    },
  })
}

/** Search terms that their record does not remember, and those that a record remembers and are not there. */
export async function strayTerms(superuserUrl: string): Promise<{ total: number; stray: unknown[] }> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    const remembered = `SELECT token, substr(terms, 1 + 16 * at, 16) AS term
                        FROM records, generate_series(0, length(terms) / 16 - 1) AS at`
    const stored = 'SELECT token, term FROM search_terms'
    const { rows } = await client.query(
      `((${stored}) EXCEPT ALL (${remembered})) UNION ALL ((${remembered}) EXCEPT ALL (${stored}))`,
    )
    const counted = await client.query<{ total: number }>('SELECT count(*)::integer AS total FROM search_terms')
    return { total: counted.rows[0]!.total, stray: rows }
  } finally {
    await client.end()
  }
}
