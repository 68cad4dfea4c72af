import { createPublicKey, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { copyTestDatabase, createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { TestVault } from '../support/test-vault.ts'
import { PostServer, TestWitness } from '../support/test-witness.ts'

const ORIGIN = 'localhost:8443/audit'

let directory: string
/** A vault whose log has begun, so that a witness can know it. */
let begun: TestDatabase
let database: TestDatabase
let vault: TestVault | undefined
const servers: PostServer[] = []

beforeAll(async () => {
  begun = await createDatabaseWithKeys()
  database = begun
  vault = await TestVault.start({ sharedDatabase: begun, config: { keepsLog: true } })
  await vi.waitUntil(publicKey)
  await stopVault()
})
afterAll(() => begun.drop())
beforeEach(async () => {
  directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-witnesses-'))
  database = await copyTestDatabase(begun)
})
afterEach(async () => {
  await vault?.checkInvariants()
  await stopVault()
  for (const server of servers.splice(0)) await server.stop()
  await database.drop()
  rmSync(directory, { recursive: true })
})

const file = (name: string) => path.join(directory, name)
const config = () => ({ keepsLog: true, audit: { witnessesFile: file('witnesses.json') } })
const caFile = () => path.join(inject('cluster').certsDir, 'ca.pem')

async function startVault(configuration: object): Promise<TestVault> {
  writeFileSync(file('witnesses.json'), JSON.stringify({ every_seconds: 1, ...configuration }))
  vault = await TestVault.start({ sharedDatabase: database, config: config() })
  return vault
}

async function stopVault(): Promise<void> {
  await vault?.stop()
  vault = undefined
}

async function started<S extends PostServer>(starting: Promise<S>): Promise<S> {
  const server = await starting
  servers.push(server)
  return server
}

/** A witness that knows the log. */
async function startWitness(): Promise<TestWitness> {
  const witness = await started(TestWitness.start())
  const key = await vi.waitUntil(publicKey)
  witness.logKeys.set(ORIGIN, key)
  return witness
}

/** What verifies the log, as the log itself says. */
async function publicKey(): Promise<KeyObject | undefined> {
  const [row] = await database.sql<{ key: string }>(
    `SELECT body::json ->> 'public_key' AS key FROM readable.audit_events WHERE type = 'audit.key'`,
  )
  if (row === undefined) return undefined
  const x = Buffer.from(row.key, 'base64').toString('base64url')
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } })
}

const headSize = async () =>
  (await database.sql<{ size: number }>('SELECT size::integer FROM audit_head'))[0]?.size ?? 0

/** Adds an event and waits until it is in the log. */
async function grow(): Promise<void> {
  // An operator's command, which continues if a witness has seen another log.
  await vault!.client(['tokenize'])
  const events = await vault!.count('audit_events')
  await vi.waitUntil(async () => (await headSize()) >= events)
}

const isShipped = async (target: string) =>
  (await database.sql('SELECT FROM audit_shipments JOIN audit_head USING (size) WHERE target = $1', [target])).length >
  0

/** Waits for that, but not for the pause before a target is asked again. */
const soon = (condition: () => boolean | Promise<boolean>) =>
  vi.waitUntil(async () => {
    if (await condition()) return true
    await database.sql('UPDATE audit_shipments SET next_at = now()')
    await vault!.background.tasks.get('ship-checkpoints')!.run()
    return false
  })

const sizesIn = (notes: string) =>
  [...notes.matchAll(/^localhost:8443\/audit\n(\d+)\n/gm)].map(([, size]) => Number(size))
const alerts = (code: string) => vault!.logLines.filter((line) => line.includes(`"alert":"${code}"`))

describe('a file', () => {
  it('gets one note after another, the last one when the server stops, and is its user’s alone', async () => {
    await startVault({ ship: [{ file: 'checkpoints' }] })
    const target = file('checkpoints')
    await grow()
    await soon(() => isShipped(target))
    await grow()
    await stopVault()
    expect(await isShipped(target)).toBe(true)
    const written = readFileSync(target, 'utf8')
    const sizes = sizesIn(written)
    expect(sizes.length).toBeGreaterThanOrEqual(2)
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b))
    expect(sizes.at(-1)).toBe(await headSize())
    const form =
      /^(localhost:8443\/audit\n\d+\n[\w+/]{43}=\nvault vault_\w{26} generation \d+\n\n— localhost:8443\/audit [\w+/]+={0,2}\n\n)+$/
    expect(written).toMatch(form)
    expect(statSync(target).mode & 0o777).toBe(0o600)
    // What left the house is kept.
    const kept = await database.sql<{ size: number }>('SELECT size::integer FROM audit_checkpoints')
    expect(kept.map(({ size }) => size)).toEqual(expect.arrayContaining(sizes))

    await startVault({ ship: [{ file: 'checkpoints' }] })
    await grow()
    await soon(() => isShipped(target))
    expect(readFileSync(target, 'utf8').startsWith(written)).toBe(true)
  })
})

describe('a command', () => {
  it('gets each note on its standard input, and nothing of the environment', async () => {
    writeFileSync(file('ship'), '#!/bin/sh\nenv > "$1.env"\ncat >> "$1"\n', { mode: 0o755 })
    vi.stubEnv('STRONGROOM_TEST_SECRET', 'of-the-environment')
    await startVault({ ship: [{ name: 'ours', command: [file('ship'), file('shipped')] }] })
    await grow()
    await soon(() => isShipped('ours'))
    expect(sizesIn(readFileSync(file('shipped'), 'utf8')).at(-1)).toBe(await headSize())
    expect(readFileSync(file('shipped.env'), 'utf8')).not.toMatch(/of-the-environment|STRONGROOM|DATABASE/)
  })

  it('that fails is tried again until it succeeds, and raises one alert', async () => {
    writeFileSync(file('ship'), `#!/bin/sh\n[ -e ${file('mended')} ] || exit 7\ncat >> ${file('shipped')}\n`, {
      mode: 0o755,
    })
    const running = await startVault({ ship: [{ name: 'ours', command: [file('ship')] }, { file: 'other' }] })
    await soon(() => alerts('audit-witness-unreachable').length > 0)
    expect(alerts('audit-witness-unreachable')).toEqual([expect.stringContaining('"reason":"ended with 7"')])
    // Others do not wait for it.
    await grow()
    await soon(() => isShipped(file('other')))
    writeFileSync(file('mended'), '')
    await soon(() => isShipped('ours'))
    expect(sizesIn(readFileSync(file('shipped'), 'utf8'))).toEqual([await headSize()])
    expect(running.logLines.join('')).toContain('checkpoints arrive again')
    expect(alerts('audit-witness-unreachable')).toHaveLength(1)
  })
})

describe('a web hook', () => {
  it('gets each note over verified TLS with the headers it wants, and is followed nowhere else', async () => {
    const hook = await started(PostServer.start(() => ({ status: 204 })))
    const trap = await started(PostServer.start())
    const moved = await started(PostServer.start(() => ({ status: 307, headers: { Location: `${trap.url}/` } })))
    await startVault({
      ship: [
        { name: 'hook', url: `${hook.url}/in?key=1`, headers: { Authorization: 'Bearer of-the-hook' }, ca: caFile() },
        { name: 'moved', url: `${moved.url}/`, ca: caFile() },
        { name: 'untrusted', url: `${trap.url}/` },
      ],
    })
    await grow()
    await soon(() => isShipped('hook'))
    const { path: asked, headers, body } = hook.received.at(-1)!
    expect(asked).toBe('/in?key=1')
    expect(headers).toMatchObject({ authorization: 'Bearer of-the-hook', 'content-type': 'text/plain; charset=utf-8' })
    expect(sizesIn(body)).toEqual([await headSize()])
    await soon(() => alerts('audit-witness-unreachable').length >= 2)
    expect(moved.received.length).toBeGreaterThan(0)
    expect(trap.received).toEqual([])
    expect(vault!.logLines.join('')).not.toContain('of-the-hook')
  })
})

describe('a witness', () => {
  const trusted = (witness: TestWitness) => ({
    witnesses: [{ url: witness.url, key: witness.verifierKey, ca: caFile() }],
  })

  it('signs what continues the log, and its signature is under the checkpoint', async () => {
    const witness = await startWitness()
    const running = await startVault(trusted(witness))
    for (const connections of [1, 1, 1, 2]) {
      // One more is from the start, which asks what the witness has signed.
      if (connections > witness.connections - 1 && witness.connections > 1) witness.closeConnections()
      await grow()
      await soon(() => isShipped(witness.name))
      expect(witness.connections - 1).toBe(connections)
    }
    expect(witness.signed.length).toBeGreaterThanOrEqual(3)
    const token = await running.staffToken('auditor')
    const isSigned = async () => {
      const { text } = await running.call('GET', '/v1/audit/checkpoint', { token })
      const lines = text.split('\n\n')[1]!.trimEnd().split('\n')
      const signedText = text.slice(0, text.indexOf('\n\n') + 1)
      return lines.length === 2 && witness.hasCosigned(lines[1]!, signedText) && lines[0]!.startsWith(`— ${ORIGIN} `)
    }
    await soon(isSigned)
    expect(running.logLines.join('')).not.toContain('audit-witness')
  })

  it('that was away is asked again', async () => {
    const witness = await startWitness()
    await startVault(trusted(witness))
    await soon(() => isShipped(witness.name))
    await witness.stop()
    await grow()
    await soon(() => alerts('audit-witness-unreachable').length > 0)
    await grow()
    await witness.listen()
    await soon(() => isShipped(witness.name))
    expect(witness.latest.size).toBe(await headSize())
    expect(vault!.logLines.join('')).toContain('checkpoints arrive again')
  })

  it('gets the log from its own position, also if the vault remembers another', async () => {
    const witness = await startWitness()
    await startVault(trusted(witness))
    await soon(() => isShipped(witness.name))
    await stopVault()
    const { size } = witness.latest
    // As after a backup of the database was put back, or an answer was lost.
    await database.sql('UPDATE audit_shipments SET size = 1')
    witness.received.length = 0
    await startVault(trusted(witness))
    await soon(() => witness.latest.size > size)
    // Looks at what the witness has seen come before and after them.
    expect(witness.received.map(({ body }) => body.split('\n')[0]).join()).toContain(`old 1,old ${size}`)
  })

  it('that has seen another log refuses, with an alert, and the log continues', async () => {
    const witness = await startWitness()
    witness.latest = { size: 1, root: Buffer.alloc(32, 7) }
    await startVault(trusted(witness))
    await grow()
    await soon(() => alerts('audit-witness-refuses').length > 0)
    expect(alerts('audit-witness-refuses')[0]).toContain('does not continue what it has signed before')
    await grow()
    expect(witness.signed).toEqual([])
    expect(await database.sql('SELECT FROM audit_cosignatures')).toEqual([])
    expect(alerts('audit-witness-refuses')).toHaveLength(1)
  })

  it('that has seen a longer log says that this one was cut off', async () => {
    const witness = await startWitness()
    witness.latest = { size: 1_000_000, root: Buffer.alloc(32, 7) }
    await startVault(trusted(witness))
    await soon(() => alerts('audit-witness-refuses').length > 0)
    expect(alerts('audit-witness-refuses')[0]).toMatch(/it has signed 1000000 leaves: the log has only \d+/)
  })

  it.each([
    ['is another’s', (_: TestWitness, text: string) => text, 'other'],
    ['is over something else', (_: TestWitness, text: string) => text.replace(/\n\d+\n/, '\n1\n'), 'own'],
    ['is nonsense', () => 'nonsense', 'none'],
  ] as const)('whose signature %s has signed nothing', async (_name, spoil, by) => {
    const witness = await startWitness()
    const other = await started(TestWitness.start())
    witness.reply = ({ body }) => {
      const note = body.split('\n\n').slice(1).join('\n\n')
      const text = spoil(witness, note.slice(0, note.indexOf('\n\n') + 1))
      return { status: 200, body: by === 'none' ? 'nonsense\n' : (by === 'own' ? witness : other).cosign(text) }
    }
    await startVault(trusted(witness))
    await soon(() => alerts('audit-witness-refuses').length > 0)
    expect(await database.sql('SELECT FROM audit_cosignatures')).toEqual([])
    expect(await isShipped(witness.name)).toBe(false)
  })
})

it('two servers on one database tell a target once, not twice', async () => {
  const hook = await started(PostServer.start())
  const running = await startVault({ ship: [{ name: 'hook', url: hook.url, ca: caFile() }] })
  const second = await TestVault.start({ sharedDatabase: database, config: config() })
  try {
    for (let round = 0; round < 3; round++) {
      await grow()
      await vi.waitUntil(() => isShipped('hook'))
    }
    const sizes = hook.received.flatMap(({ body }) => sizesIn(body))
    expect(sizes).toEqual([...new Set(sizes)])
    expect(running.logLines.concat(second.logLines).join('')).not.toContain('"alert"')
  } finally {
    await second.stop()
  }
})
