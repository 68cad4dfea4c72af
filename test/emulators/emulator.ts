import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Answering } from '../support/processor.ts'
import { findFreePorts } from '../support/run-program.ts'
import { projectRoot } from '../support/source-files.ts'

/** Where `install.ts` puts them. */
export const EMULATORS = path.join(projectRoot, '.ci-venv/emulators')
export const STRIPE_MOCK = path.join(EMULATORS, 'stripe-mock')
export const LOCALSTRIPE_PYTHON = path.join(EMULATORS, 'python/bin/python')

/** Why tests against that program are left out; undefined when it is there. */
export function isMissing(program: string, name: string): string | undefined {
  return existsSync(program) ? undefined : `without ${name}: run "npm run test:forward"`
}

/** An emulator of a processor on loopback, which speaks HTTP. */
export interface Emulator {
  url: string
  stop(): Promise<void>
}

/** Checks the names and types of parameters by Stripe's published description of its API. It keeps nothing. */
export async function startStripeMock(): Promise<Emulator> {
  const [port] = await findFreePorts(1)
  return start(port!, spawn(STRIPE_MOCK, ['-http-addr', `127.0.0.1:${port}`], { stdio: 'ignore' }))
}

/** It would listen on every address, and write what it is sent to a file. */
const LOCALSTRIPE = `
import sys
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
web.run_app(server.app, host='127.0.0.1', port=int(sys.argv[1]), print=None)
`

/** Keeps what it is sent: a payment names a payment method that was made before. */
export async function startLocalstripe(): Promise<Emulator> {
  const [port] = await findFreePorts(1)
  return start(port!, spawn(LOCALSTRIPE_PYTHON, ['-c', LOCALSTRIPE, String(port)], { stdio: 'ignore' }))
}

async function start(port: number, child: ChildProcess): Promise<Emulator> {
  const url = `http://127.0.0.1:${port}`
  const ended = new Promise((resolve) => child.once('close', resolve))
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
  }
  for (const deadline = performance.now() + 60_000; !(await answers(url)); ) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop()
      throw new Error(`the emulator at ${url} did not begin`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { url, stop }
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}

/** What a processor with TLS answers: what the emulator behind it does. */
export function passOnTo({ url }: Emulator): Answering {
  return async ({ method, url: target, headers, body }, response) => {
    const { host: _host, ...rest } = headers
    const answer = Promise.withResolvers<void>()
    const behind = request(`${url}${target}`, { method, headers: rest }, (from) => {
      buffer(from).then((bytes) => {
        const { 'transfer-encoding': _encoding, connection: _connection, ...kept } = from.headers
        response.writeHead(from.statusCode!, { ...kept, 'content-length': bytes.length }).end(bytes)
        answer.resolve()
      }, answer.reject)
    })
    behind.once('error', answer.reject)
    behind.end(body)
    await answer.promise
  }
}
