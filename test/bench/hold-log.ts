import pg from 'pg'
import { END_LOG_KEEPER, LOG_LOCK } from '../support/hold-log.ts'

const IS_BEHIND = `SELECT EXISTS (SELECT FROM audit_events e WHERE position >= (SELECT next_position FROM audit_head)
  AND NOT EXISTS (SELECT FROM audit_leaves WHERE event = e.id)) AS behind`

/** Keeps every server from keeping the log, until the function that it answers with is called; that one waits until they have caught up. */
export async function holdLog(superuserUrl: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  await client.query(END_LOG_KEEPER)
  await client.query('SELECT pg_advisory_lock($1)', [LOG_LOCK])
  return async () => {
    await client.query('SELECT pg_advisory_unlock($1)', [LOG_LOCK])
    await untilLogged(client)
    await client.end()
  }
}

/** Waits until every event that was committed has its leaf: a server that still catches up takes part in what is measured next. */
export async function waitForLog(superuserUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    await untilLogged(client)
  } finally {
    await client.end()
  }
}

async function untilLogged(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ behind: boolean }>(IS_BEHIND)
    if (rows[0]?.behind !== true) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
