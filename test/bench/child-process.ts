import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

const START_SECONDS = 30
const STOP_SECONDS = 15

/** A server that the benchmark started. It is ended by its process id only. */
export interface ServerProcess {
  pid: number
  port: number
  stop(): Promise<void>
}

/** Nothing of our own environment reaches a child but the path. */
const environment = { PATH: process.env.PATH, TZ: 'UTC' }

const alive = new Set<ChildProcess>()

/** Ends everything that still runs, at once. For the end of a benchmark that failed or took too long. */
export function killChildren(): void {
  for (const child of alive) child.kill('SIGKILL')
}

function track(child: ChildProcess): ChildProcess {
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  return child
}

/**
 * Starts a server and answers when it accepts connections on `port`. What it prints goes to `<directory>/<name>.log`,
 * a file, as a service's log does.
 *
 * @throws {Error} with the end of its log when it ended instead
 */
export async function startServer(server: {
  name: string
  args: readonly string[]
  directory: string
  port: number
  env: Readonly<Record<string, string>>
}): Promise<ServerProcess> {
  const log = path.join(server.directory, `${server.name}.log`)
  const output = openSync(log, 'a', 0o600)
  const child = track(
    spawn(process.execPath, server.args, {
      // Not in the current folder, so that its .env is not read.
      cwd: server.directory,
      env: { ...environment, ...server.env },
      stdio: ['ignore', output, output],
    }),
  )
  closeSync(output)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const deadline = Date.now() + START_SECONDS * 1000
  while (!(await accepts(server.port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`${server.name} did not start: ${readFileSync(log, 'utf8').slice(-800)}`)
    }
    await sleep(50)
  }
  return {
    pid: child.pid!,
    port: server.port,
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([exited, sleep(STOP_SECONDS * 1000, undefined, { ref: false })])
      child.kill('SIGKILL')
      await exited
    },
  }
}

/**
 * Runs a program of the benchmark to its end: `plan` goes in as JSON on standard input, its answer comes back the same
 * way.
 */
export async function runProgram<Answer>(file: string, plan: unknown, timeoutSeconds: number): Promise<Answer> {
  const child = track(
    spawn(process.execPath, [file], {
      env: environment,
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: timeoutSeconds * 1000,
      killSignal: 'SIGKILL',
    }),
  )
  child.stdin!.once('error', () => {}).end(JSON.stringify(plan))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [printed, code] = await Promise.all([text(child.stdout!), exited])
  if (code !== 0) throw new Error(`${path.basename(file)} ended with code ${code}`)
  return JSON.parse(printed) as Answer
}

/** The plan that `runProgram` sent, inside the program. */
export async function readPlan<Plan>(): Promise<Plan> {
  return JSON.parse(await text(process.stdin)) as Plan
}

/** Free at this moment. */
export async function findFreePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
