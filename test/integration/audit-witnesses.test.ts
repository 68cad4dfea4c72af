import { createPublicKey, type KeyObject } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { TestVault } from '../support/test-vault.ts'
import { PostServer, TestWitness } from '../support/test-witness.ts'

const ORIGIN = 'localhost:8443/audit'
const PATIENCE = { timeout: 15_000, interval: 50 }

let directory: string
let database: TestDatabase
let vault: TestVault | undefined
const servers: PostServer[] = []

beforeEach(async () => {
  directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-witnesses-'))
  database = await createTestDatabase()
})
afterEach(async () => {
  await vault?.checkInvariants()
  await stopVault()
  for (const server of servers.splice(0)) await server.stop()
  await database.drop()
  rmSync(directory, { recursive: true })
})

const file = (name: string) => path.join(directory, name)
const caFile = () => path.join(inject('cluster').certsDir, 'ca.pem')

async function startVault(configuration: object): Promise<TestVault> {
  writeFileSync(file('witnesses.json'), JSON.stringify({ every_seconds: 1, ...configuration }))
  const config = { keepsLog: true, audit: { witnessesFile: file('witnesses.json') } }
  vault = await TestVault.start({ sharedDatabase: database, config })
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
  const key = await vi.waitUntil(publicKey, PATIENCE)
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

/** The log begins before its witness knows it. */
async function beginLog(): Promise<void> {
  vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
  await vi.waitUntil(publicKey, PATIENCE)
  await stopVault()
}

async function headSize(): Promise<number> {
  const [row] = await database.sql<{ size: number }>('SELECT size::integer FROM audit_head')
  return row?.size ?? 0
}

/** Adds an event and waits until it is in the log. */
async function grow(): Promise<void> {
  const before = await headSize()
  // An operator's command, which continues if a witness has seen another log.
  await vault!.client(['tokenize'])
  await vi.waitUntil(async () => (await headSize()) > before, PATIENCE)
}

const isShipped = async (target: string) =>
  (await database.sql('SELECT FROM audit_shipments JOIN audit_head USING (size) WHERE target = $1', [target])).length >
  0

const sizesIn = (notes: string) =>
  [...notes.matchAll(/^localhost:8443\/audit\n(\d+)\n/gm)].map(([, size]) => Number(size))

const alerts = (code: string) => vault!.logLines.filter((line) => line.includes(`"alert":"${code}"`))

describe('a file', () => {
  it('gets one note after another, the last one when the server stops, and is its user’s alone', async () => {
    await startVault({ ship: [{ file: 'checkpoints' }] })
    const target = file('checkpoints')
    await grow()
    await vi.waitUntil(() => isShipped(target), PATIENCE)
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
    await vi.waitUntil(() => isShipped(target), PATIENCE)
    expect(readFileSync(target, 'utf8').startsWith(written)).toBe(true)
  })
})

describe('a command', () => {
  it('gets each note on its standard input, and nothing of the environment', async () => {
    writeFileSync(file('ship'), '#!/bin/sh\nenv > "$1.env"\ncat >> "$1"\n')
    chmodSync(file('ship'), 0o755)
    process.env.STRONGROOM_TEST_SECRET = 'of-the-environment'
    await startVault({ ship: [{ name: 'ours', command: [file('ship'), file('shipped')] }] })
    delete process.env.STRONGROOM_TEST_SECRET
    await grow()
    await vi.waitUntil(() => isShipped('ours'), PATIENCE)
    expect(sizesIn(readFileSync(file('shipped'), 'utf8')).at(-1)).toBe(await headSize())
    expect(readFileSync(file('shipped.env'), 'utf8')).not.toMatch(/of-the-environment|STRONGROOM|DATABASE/)
  })

  it('that fails is tried again until it succeeds, and raises one alert', async () => {
    writeFileSync(file('ship'), `#!/bin/sh\n[ -e ${file('mended')} ] || exit 7\ncat >> ${file('shipped')}\n`)
    chmodSync(file('ship'), 0o755)
    const running = await startVault({ ship: [{ name: 'ours', command: [file('ship')] }, { file: 'other' }] })
    await vi.waitUntil(() => alerts('audit-witness-unreachable').length > 0, PATIENCE)
    expect(alerts('audit-witness-unreachable')).toEqual([expect.stringContaining('"reason":"ended with 7"')])
    // Others do not wait for it.
    await grow()
    await vi.waitUntil(() => isShipped(file('other')), PATIENCE)
    writeFileSync(file('mended'), '')
    await vi.waitUntil(() => isShipped('ours'), PATIENCE)
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
    await vi.waitUntil(() => isShipped('hook'), PATIENCE)
    const { path: asked, headers, body } = hook.received.at(-1)!
    expect(asked).toBe('/in?key=1')
    expect(headers).toMatchObject({ authorization: 'Bearer of-the-hook', 'content-type': 'text/plain; charset=utf-8' })
    expect(sizesIn(body)).toEqual([await headSize()])
    await vi.waitUntil(() => alerts('audit-witness-unreachable').length >= 2, PATIENCE)
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
    await beginLog()
    const witness = await startWitness()
    const running = await startVault(trusted(witness))
    for (const connections of [1, 1, 1, 2]) {
      // One more is from the start, which asks what the witness has signed.
      if (connections > witness.connections - 1 && witness.connections > 1) witness.closeConnections()
      await grow()
      await vi.waitUntil(() => isShipped(witness.name), PATIENCE)
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
    await vi.waitUntil(isSigned, PATIENCE)
    expect(running.logLines.join('')).not.toContain('audit-witness')
  })

  it('that was away is asked again', async () => {
    await beginLog()
    const witness = await startWitness()
    await startVault(trusted(witness))
    await vi.waitUntil(() => isShipped(witness.name), PATIENCE)
    await witness.stop()
    await grow()
    await vi.waitUntil(() => alerts('audit-witness-unreachable').length > 0, PATIENCE)
    await grow()
    await witness.listen()
    await vi.waitUntil(() => isShipped(witness.name), PATIENCE)
    expect(witness.latest.size).toBe(await headSize())
    expect(vault!.logLines.join('')).toContain('checkpoints arrive again')
  })

  it('gets the log from its own position, also if the vault remembers another', async () => {
    await beginLog()
    const witness = await startWitness()
    await startVault(trusted(witness))
    await vi.waitUntil(() => isShipped(witness.name), PATIENCE)
    await stopVault()
    const { size } = witness.latest
    // As after a backup of the database was put back, or an answer was lost.
    await database.sql('UPDATE audit_shipments SET size = 1')
    witness.received.length = 0
    await startVault(trusted(witness))
    await vi.waitUntil(() => isShipped(witness.name), PATIENCE)
    expect(witness.received.map(({ body }) => body.split('\n')[0]).slice(1, 3)).toEqual(['old 1', `old ${size}`])
    expect(witness.latest.size).toBeGreaterThan(size)
  })

  it('that has seen another log refuses, with an alert, and the log continues', async () => {
    await beginLog()
    const witness = await startWitness()
    witness.latest = { size: 1, root: Buffer.alloc(32, 7) }
    await startVault(trusted(witness))
    await grow()
    await vi.waitUntil(() => alerts('audit-witness-refuses').length > 0, PATIENCE)
    expect(alerts('audit-witness-refuses')[0]).toContain('does not continue what it has signed before')
    await grow()
    expect(witness.signed).toEqual([])
    expect(await database.sql('SELECT FROM audit_cosignatures')).toEqual([])
    expect(alerts('audit-witness-refuses')).toHaveLength(1)
  })

  it('that has seen a longer log says that this one was cut off', async () => {
    await beginLog()
    const witness = await startWitness()
    witness.latest = { size: 1_000_000, root: Buffer.alloc(32, 7) }
    await startVault(trusted(witness))
    await vi.waitUntil(() => alerts('audit-witness-refuses').length > 0, PATIENCE)
    expect(alerts('audit-witness-refuses')[0]).toMatch(/it has signed 1000000 leaves: the log has only \d+/)
  })

  it.each([
    ['is another’s', (_: TestWitness, text: string) => text, 'other'],
    ['is over something else', (_: TestWitness, text: string) => text.replace(/\n\d+\n/, '\n1\n'), 'own'],
    ['is nonsense', () => 'nonsense', 'none'],
  ] as const)('whose signature %s has signed nothing', async (_name, spoil, by) => {
    await beginLog()
    const witness = await startWitness()
    const other = await started(TestWitness.start())
    witness.reply = ({ body }) => {
      const note = body.split('\n\n').slice(1).join('\n\n')
      const text = spoil(witness, note.slice(0, note.indexOf('\n\n') + 1))
      return { status: 200, body: by === 'none' ? 'nonsense\n' : (by === 'own' ? witness : other).cosign(text) }
    }
    await startVault(trusted(witness))
    await vi.waitUntil(() => alerts('audit-witness-refuses').length > 0, PATIENCE)
    expect(await database.sql('SELECT FROM audit_cosignatures')).toEqual([])
    expect(await isShipped(witness.name)).toBe(false)
  })
})

it('two servers on one database tell a target once, not twice', async () => {
  const hook = await started(PostServer.start())
  const running = await startVault({ ship: [{ name: 'hook', url: hook.url, ca: caFile() }] })
  const config = { keepsLog: true, audit: { witnessesFile: file('witnesses.json') } }
  const second = await TestVault.start({ sharedDatabase: database, config })
  try {
    for (let round = 0; round < 3; round++) {
      await grow()
      await vi.waitUntil(() => isShipped('hook'), PATIENCE)
    }
    const sizes = hook.received.flatMap(({ body }) => sizesIn(body))
    expect(sizes).toEqual([...new Set(sizes)])
    expect(running.logLines.concat(second.logLines).join('')).not.toContain('"alert"')
  } finally {
    await second.stop()
  }
})
