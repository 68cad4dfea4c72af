import { type DatabaseOptions, openDatabase, type Statement } from './database.ts'

/** One write is the answer to all calls within this time of its beginning. */
const FRESH_MS = 500

const LITTLE_MEMORY: Statement = { name: 'little-memory', text: `SELECT set_config('work_mem', '64kB', true)` }
/**
 * While it runs it takes about half a megabyte of the database's disk: its rows do not fit into memory and go to a
 * temporary file. A small row alone would fit onto a full disk.
 */
const TAKE_ROOM: Statement = { name: 'take-room', text: 'SELECT count(*) FROM generate_series(1, 20000)' }
const WRITE: Statement = {
  name: 'write-probe',
  text: `INSERT INTO settings (name, value) VALUES ('write-probe', now()::text)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
}

export interface WriteProbe {
  /** Resolves when a write has been committed just now. @throws {Problem} audit-unavailable, database-unavailable, busy */
  check(): Promise<void>
  close(): Promise<void>
}

/**
 * Tries whether the database can be written, by writing: no standby and no read-only database, a commit that comes back, room on
 * the disk. Has one session of its own, so that a write that hangs takes no place from anything else, and is not repeated.
 */
export function createWriteProbe(options: Pick<DatabaseOptions, 'url' | 'caFile' | 'schema'>): WriteProbe {
  const database = openDatabase({ ...options, maxConnections: 1 })
  let writing: Promise<void> | undefined
  let writtenAt = Number.NEGATIVE_INFINITY

  async function write(): Promise<void> {
    const asked = performance.now()
    await database.transaction(async (tx) => {
      await tx.query(LITTLE_MEMORY)
      await tx.query(TAKE_ROOM)
      await tx.query(WRITE)
    })
    writtenAt = asked
  }

  return {
    async check() {
      if (performance.now() - writtenAt < FRESH_MS) return
      writing ??= write().finally(() => {
        writing = undefined
      })
      await writing
    },
    close: () => database.close(),
  }
}
