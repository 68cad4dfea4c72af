import pg from 'pg'

/** Every row of every table, and what else the database keeps of statements and values, as text; bytea in hexadecimal. */
export async function dumpTables(superuserUrl: string): Promise<string> {
  return withClient(superuserUrl, async (client) => {
    const tables = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname = 'public' OR tablename = 'pg_statistic' ORDER BY 1`,
    )
    const names = [...tables.rows.map(({ name }) => name), 'pg_stat_activity', 'pg_stats', 'pg_prepared_statements']
    const dumps = []
    for (const name of names) {
      const { rows } = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`)
      dumps.push(...rows.map(({ line }) => `${name} ${line}`))
    }
    return dumps.join('\n')
  })
}

export async function runSql(url: string, text: string): Promise<void> {
  await withClient(url, (client) => client.query(text))
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
