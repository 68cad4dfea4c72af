import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { HostedCommand, HostedResult } from './command-host.ts'
import type { Ended } from './run-program.ts'

const HOST = fileURLToPath(new URL('./command-host.ts', import.meta.url))

/** One process for the files that this one runs, for each built program. It ends with this process. */
const hosts = new Map<string, Promise<ChildProcess>>()
let latest: Promise<unknown> = Promise.resolve()

/** Runs a command of the built program in a process that has loaded it already, after those that were asked for before. */
export function runHosted(built: string, command: HostedCommand): Promise<Ended> {
  const result = latest.then(() => send(built, command))
  latest = result.catch(() => {})
  return result
}

async function send(built: string, command: HostedCommand): Promise<Ended> {
  const host = hosts.get(built) ?? startHost(built)
  hosts.set(built, host)
  const child = await host
  const { promise, resolve, reject } = Promise.withResolvers<HostedResult>()
  const fail = () => {
    hosts.delete(built)
    reject(new Error(`the process that runs commands ended with: ${command.args.join(' ')}`))
  }
  child.once('message', resolve).once('exit', fail)
  try {
    child.send(command)
    return { signal: null, ...(await promise) }
  } finally {
    child.off('message', resolve).off('exit', fail)
  }
}

async function startHost(built: string): Promise<ChildProcess> {
  // The limit and the flag are those of a command that is a process of its own.
  const args = ['-c', 'ulimit -S -c 0; exec "$0" "$@"', process.execPath, '--disable-sigusr1', HOST, built]
  const child = spawn('/bin/sh', args, { env: {}, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  await once(child, 'message')
  child.channel?.unref()
  child.unref()
  return child
}
