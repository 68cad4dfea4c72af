import { Agent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RunningProgram } from '../support/run-program.ts'
import { checkout } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

/** Longer than a server may seal without a look at the key registry. */
const STOPPED_MS = 5_000

const batch = { items: Array.from({ length: 1_000 }, (_, at) => ({ ...checkout, customer: `customer_${at}` })) }

let vault: VaultProcess
let token: string

beforeAll(async () => {
  vault = await VaultProcess.prepare()
  await vault.start({ STRONGROOM_WORKERS: '1' })
  token = await vault.token('checkout')
})
afterAll(() => vault.remove())

async function stopFor(program: RunningProgram | undefined, ms: number): Promise<void> {
  const signal = (name: NodeJS.Signals) => (program ? program.child.kill(name) : vault.signal(name))
  signal('SIGSTOP')
  await sleep(ms)
  signal('SIGCONT')
}

/** Connections to the vault, open and used: a handshake or an idle connection may end in such a time. */
function connect(count: number): Promise<Agent[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      expect((await vault.call('GET', '/healthz', { agent })).status).toBe(200)
      return agent
    }),
  )
}

/** The call succeeds, or is answered as busy; never that the root key is not there. */
function store(agent: Agent | undefined, path: string, body: unknown): Promise<void> {
  const stored = vault
    .call('POST', path, { token, body, ...(agent ? { agent } : {}) })
    .then(async ({ status, body: { code, request_id }, text }) => {
      if (status === 200 || status === 201 || code === 'busy') return
      // The log is written in blocks, and says why.
      const logged = () => vault.output.stdout.split('\n').filter((line) => line.includes(String(request_id)))
      await expect.poll(logged).not.toHaveLength(0)
      expect.fail([text.slice(0, 300), ...logged()].join('\n'))
    })
  // Awaited later.
  stored.catch(() => {})
  return stored
}

const tokenize = (agent?: Agent) => store(agent, '/v1/tokenize', checkout)
const tokenizeBatch = (agent?: Agent) => store(agent, '/v1/tokenize/batch', batch)

it('a batch of a thousand worst-case checkouts is stored, two at once as well', async () => {
  await Promise.all((await connect(2)).map(tokenizeBatch))
})

it.each([0, 50, 150, 400, 900])('a server that is stopped %i ms into a batch is not sealed afterwards', async (ms) => {
  const [first, second, third, fourth] = await connect(4)
  const answers = [tokenizeBatch(first), tokenize(second)]
  await sleep(ms)
  await stopFor(undefined, STOPPED_MS)
  answers.push(tokenize(third), tokenize(fourth))
  await Promise.all(answers)
})

/** It did what it should, or says that the vault is busy. */
async function expectDone({ ended }: RunningProgram): Promise<void> {
  const { code, stderr } = await ended
  if (code !== 0) expect(stderr).toContain('(busy)')
}

const issue = (name: string) => vault.spawnCli(['staff', 'token', '--role', 'support', '--name', name, '--json'])

it('eight commands at once find the vault open', async () => {
  await Promise.all(Array.from({ length: 8 }, (_, at) => expectDone(issue(`Ann ${at}`))))
})

it('a command that is stopped at any moment finds the vault open', async () => {
  const moments = [300, 600, 900, 1_300, 1_800, 2_500]
  await Promise.all(
    moments.map(async (moment, at) => {
      const command = issue(`Bob ${at}`)
      await sleep(moment)
      await stopFor(command, STOPPED_MS)
      await expectDone(command)
    }),
  )
})

it('all keys are rotated under load', async () => {
  let rotating = true
  const load = Promise.all(
    (await connect(4)).map(async (agent) => {
      while (rotating) await tokenize(agent)
    }),
  )
  load.catch(() => {})
  const rotation = vault.spawnCli(['keys', 'rotate', 'all', '--keep-old-keys', '--json'])
  await sleep(1_000)
  await stopFor(undefined, STOPPED_MS)
  const { code, stderr } = await rotation.ended
  rotating = false
  await load
  expect(code, stderr).toBe(0)
  expect(stderr).not.toContain('sealed')
}, 300_000)
