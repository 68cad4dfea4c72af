import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'

/** The names inside the embedded cluster; migrations give the server's role its rights. */
export const EMBEDDED = {
  database: 'strongroom',
  superuser: 'postgres',
  owner: 'strongroom_owner',
  server: 'strongroom_server',
} as const

const HOST = '127.0.0.1'

const databaseFile = z.object({
  host: z.string(),
  /** 0 from the beginning of a start until the database accepts connections; until then the URLs lead nowhere. */
  port: z.int(),
  database: z.string(),
  urls: z.object({ superuser: z.string(), owner: z.string(), server: z.string() }),
})

export type DatabaseFile = z.infer<typeof databaseFile>
export type DatabaseUrls = DatabaseFile['urls']

/** Reads `<dataDir>/database.json`; undefined if there is none. */
export function readDatabaseFile(dataDir: string): DatabaseFile | undefined {
  const file = path.join(dataDir, 'database.json')
  if (!existsSync(file)) return undefined
  const text = readFileSync(file, 'utf8')
  try {
    return databaseFile.parse(JSON.parse(text))
  } catch {
    // Without the cause: a message of JSON.parse quotes the text, which holds the passwords.
    throw new Error(`${file} is damaged; put it back from a backup, it holds the passwords of the database`)
  }
}

/** New passwords for a new cluster: 32 random bytes each, in hex so that they need no quoting in a URL or in SQL. */
export function createDatabaseFile(): DatabaseFile {
  const url = (user: string) => `postgres://${user}:${randomBytes(32).toString('hex')}@${HOST}:0/${EMBEDDED.database}`
  const urls = { superuser: url(EMBEDDED.superuser), owner: url(EMBEDDED.owner), server: url(EMBEDDED.server) }
  return { host: HOST, port: 0, database: EMBEDDED.database, urls }
}

/** The same database on another port. */
export function withPort(file: DatabaseFile, port: number): DatabaseFile {
  const moved = (text: string) => {
    const url = new URL(text)
    url.port = String(port)
    return url.href
  }
  const { superuser, owner, server } = file.urls
  return { ...file, port, urls: { superuser: moved(superuser), owner: moved(owner), server: moved(server) } }
}

/** Replaces `<dataDir>/database.json` (mode 0600) as a whole, and durably: passwords without a file would lock us out. */
export function writeDatabaseFile(dataDir: string, file: DatabaseFile): void {
  const target = path.join(dataDir, 'database.json')
  const draft = `${target}.new`
  const descriptor = openSync(draft, 'w', 0o600)
  try {
    writeSync(descriptor, `${JSON.stringify(file, null, 2)}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, target)
  syncDirectory(dataDir)
}

/** Makes renames in a directory survive a loss of power, on systems that can. */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(directory, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

export function passwordOf(url: string): string {
  return new URL(url).password
}
