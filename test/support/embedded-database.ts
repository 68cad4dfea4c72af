import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterEach, beforeEach } from 'vitest'
import { identifyProcess } from '../../src/embedded-postgres/data-dir-lock.ts'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'

const script = fileURLToPath(new URL('./open-embedded-database.ts', import.meta.url))

export interface OtherProcess {
  child: ChildProcess
  logged: string[]
  /** Resolves when it has opened the database, rejects when it could not. */
  opened: Promise<EmbeddedDatabase['urls']>
}

/** A data directory for each test of the file, and everything that the test opened in it. */
export const current = {
  dataDir: '',
  lines: [] as string[],
  databases: [] as EmbeddedDatabase[],
  children: [] as ChildProcess[],
}

/** Call once in a file: every test gets a data directory of its own, and nothing of it stays. */
export function useDataDir(): void {
  beforeEach(() => {
    current.dataDir = mkdtempSync(path.join(tmpdir(), 'strongroom-embedded-'))
    current.lines = []
    current.databases = []
    current.children = []
  })
  afterEach(async () => {
    const { dataDir, databases, children } = current
    for (const child of children) await killed(child)
    for (const database of databases) await database.stop()
    // A process that a killed vault left running is taken over, and stopped.
    if (existsSync(path.join(dataDir, 'postgres', 'postmaster.pid'))) {
      await (await openEmbeddedDatabase({ dataDir, role: 'command', log: () => {} })).stop()
    }
    rmSync(dataDir, { recursive: true })
  })
}

export async function open(role: 'server' | 'command', waitSeconds?: number): Promise<EmbeddedDatabase> {
  const log = (line: string) => current.lines.push(line)
  const database = await openEmbeddedDatabase({
    dataDir: current.dataDir,
    role,
    command: 'doctor',
    log,
    ...(waitSeconds && { waitSeconds }),
  })
  current.databases.push(database)
  return database
}

export function openInOtherProcess(role: 'server' | 'command'): OtherProcess {
  const child = spawn(process.execPath, [script, current.dataDir, role], { stdio: ['ignore', 'pipe', 'inherit'] })
  current.children.push(child)
  const logged: string[] = []
  const opened = new Promise<EmbeddedDatabase['urls']>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line)
      if (event.log) logged.push(event.log)
      if (event.urls) resolve(event.urls)
      if (event.error) reject(new Error(event.error))
    })
    child.once('exit', () => reject(new Error('ended before it had opened the database')))
  })
  opened.catch(() => {})
  return { child, logged, opened }
}

export async function killed(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

export const postmasterPid = () =>
  Number(readFileSync(path.join(current.dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])

/** Not process.kill(pid, 0): an orphan that has ended is still there until the init process collects it. */
export const isRunning = (pid: number) => identifyProcess(pid) !== undefined
