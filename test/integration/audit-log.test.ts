import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { hashLeaf, includes, rootOf } from '../../src/audit/formats/merkle.ts'
import { isSignedBy, noteVerifier, publicKeyFrom } from '../../src/audit/formats/signed-note.ts'
import { hashesOf } from '../../src/audit/formats/tile.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const FINAL = 'private, max-age=31536000, immutable'

let vault: TestVault
let auditor: string

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  auditor = await vault.staffToken('auditor')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

async function checkpoint() {
  const answer = await vault.call('GET', '/v1/audit/checkpoint', { token: auditor })
  expect(answer.status, answer.text).toBe(200)
  return parseCheckpoint(answer.text)
}

async function inTheLog(of: TestVault) {
  const events = await of.count('audit_events')
  await vi.waitUntil(async () => (await of.count('audit_leaves')) >= events)
}

/** Until everything committed so far is in the log. */
async function settled() {
  await inTheLog(vault)
  return checkpoint()
}

async function download(
  path: string,
  from = vault,
  token = auditor,
): Promise<{ status: number; body: Buffer; type: string; cached: string | undefined }> {
  const { status, body, type, headers } = await from.call('GET', `/v1/audit/tile/${path}`, { token })
  return { status, body, type, cached: headers['cache-control'] as string | undefined }
}

async function logVerifier(origin: string) {
  const [event] = await vault.events({ type: 'audit.key' })
  return noteVerifier(origin, publicKeyFrom(Buffer.from(event!.public_key as string, 'base64')))
}

describe('the audit log', () => {
  it('takes every committed event within moments, and signs a checkpoint over it', async () => {
    await vault.tokenize(checkout)
    const { origin, size, root, note } = await settled()
    const leaves = await vault.database.sql<{ body: string }>(
      'SELECT body FROM readable.audit_leaves JOIN readable.audit_events ON id = event ORDER BY sequence',
    )
    expect(origin).toBe('localhost:8443/audit')
    // Reading the checkpoint leaves no event: hashes say nothing.
    expect(size).toBe(leaves.length)
    expect(root).toEqual(rootOf(leaves.map(({ body }) => hashLeaf(Buffer.from(body)))))
    expect(isSignedBy(note, await logVerifier(origin))).toBe(true)
  })

  it('names the key that signs it before that key signs', async () => {
    await settled()
    const announced = await vault.events({ type: 'audit.key' })
    expect(announced).toHaveLength(1)
    expect(announced[0]!.subject).toMatch(/^key_/)
    const [place] = await vault.database.sql<{ early: boolean }>(
      `SELECT sequence < (SELECT min(size) FROM audit_checkpoints) AS early FROM readable.audit_leaves WHERE event = '${announced[0]!.id}'`,
    )
    expect(place).toEqual({ early: true })
  })

  it('gives a receipt that verifies without the vault, for an event that has just happened', async () => {
    const { card } = await vault.tokenize(checkout)
    const billing = await vault.staffToken('billing')
    const revealed = await vault.call('POST', `/v1/tokens/${card!.token}/reveal`, {
      token: billing,
      body: { purpose: 'process-payment' },
    })
    const answer = await vault.call('GET', `/v1/audit/events/${revealed.body.event}/receipt`, { token: auditor })
    expect(answer.status, answer.text).toBe(200)
    const { event, body, index, proof, checkpoint: note } = answer.body
    expect(event).toEqual(JSON.parse(body))
    expect(event).toMatchObject({ id: revealed.body.event, type: 'record.reveal', token: card!.token })
    const { origin, size, root, note: signed } = parseCheckpoint(note)
    expect(isSignedBy(signed, await logVerifier(origin))).toBe(true)
    const hashes = proof.map((hash: string) => Buffer.from(hash, 'base64'))
    expect(includes({ size, root }, index, hashLeaf(Buffer.from(body)), hashes)).toBe(true)
    expect(includes({ size, root }, index, hashLeaf(Buffer.from(`${body} `)), hashes)).toBe(false)
    expect(await vault.events({ type: 'audit.read', subject: revealed.body.event as string })).toHaveLength(1)
  })

  it('knows no event of another site, and none that is not there', async () => {
    await vault.tokenize(checkout, { site: 'elsewhere' })
    const [foreign] = await vault.events({ type: 'record.tokenize', site: 'elsewhere' })
    const answers = await Promise.all(
      [foreign!.id, 'evt_00000000000000000000000000', 'x'].map((id) =>
        vault.call('GET', `/v1/audit/events/${id}/receipt`, { token: auditor }),
      ),
    )
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
      Array.from({ length: 3 }, () => [404, 'event-not-found']),
    )
  })

  it('serves tiles of hashes, partial and full, and the entries they are the hashes of', async () => {
    const card = (await vault.tokenize(checkout)).card!
    const reader = await vault.staffToken('support')
    for (let done = 0; done < 260; done += 20) {
      await Promise.all(
        Array.from({ length: 20 }, () => vault.call('GET', `/v1/tokens/${card.token}`, { token: reader })),
      )
    }
    const { size, root } = await settled()
    const full = await download('0/000')
    const partial = await download(`0/001.p/${size - 256}`)
    const above = await download('1/000.p/1')
    expect([full.status, partial.status, above.status]).toEqual([200, 200, 200])
    expect(full.type).toBe('application/octet-stream')
    expect([full.cached, partial.cached, above.cached]).toEqual([FINAL, 'no-store', 'no-store'])
    const everywhere = await vault.clientToken(['audit:read-all'])
    expect((await download('entries/000', vault, everywhere)).cached).toBe(FINAL)
    expect(above.body).toEqual(rootOf(hashesOf(full.body)))
    expect(rootOf([...hashesOf(full.body), ...hashesOf(partial.body)])).toEqual(root)
  })

  it.each(['0/002', '0/001', '2/000.p/1', '0/000.p/256', '0/1', '0/x000/000', 'entries/001', '64/000.p/1', '%2e%2e/x'])(
    'has no tile %s',
    async (path) => {
      const { status } = await download(path)
      expect(status).toBe(404)
    },
  )

  it('leaves no event of a monitor that asks for a tile that is not there yet', async () => {
    const { size } = await settled()
    const statuses = await Promise.all(
      [1, 2, 3].map(async (more) => (await download(`entries/001.p/${size - 256 + more}`)).status),
    )
    expect(statuses).toEqual([404, 404, 404])
    expect((await settled()).size).toBe(size)
    // A read that reveals something of an event is one.
    await vault.call('GET', '/v1/audit/events/evt_00000000000000000000000000/receipt', { token: auditor })
    expect((await settled()).size).toBe(size + 1)
  })

  it('hands out bundles of entries only to a caller who may see all of them', async () => {
    const alone = await TestVault.start({ config: { keepsLog: true } })
    try {
      const token = await alone.staffToken('auditor')
      await inTheLog(alone)
      const size = await alone.count('audit_leaves')
      const bundle = await download(`entries/000.p/${size}`, alone, token)
      expect(bundle.status).toBe(200)
      const hashes = hashesOf((await download(`0/000.p/${size}`, alone, token)).body)
      let at = 0
      for (const hash of hashes) {
        const length = bundle.body.readUInt16BE(at)
        const entry = bundle.body.subarray(at + 2, at + 2 + length)
        expect(createHash('sha256').update(Buffer.of(0)).update(entry).digest()).toEqual(hash)
        at += 2 + length
      }
      expect(at).toBe(bundle.body.length)
      await alone.tokenize(checkout, { site: 'elsewhere' })
      await inTheLog(alone)
      const grown = await alone.count('audit_leaves')
      expect((await download(`entries/000.p/${grown}`, alone, token)).status).toBe(404)
      expect((await download(`0/000.p/${grown}`, alone, token)).status).toBe(200)

      const everywhere = await alone.clientToken(['audit:read-all'])
      expect((await download(`entries/000.p/${grown}`, alone, everywhere)).status).toBe(200)
      const [foreign] = await alone.events({ type: 'record.tokenize', site: 'elsewhere' })
      const receipt = (as: string) => alone.call('GET', `/v1/audit/events/${foreign!.id}/receipt`, { token: as })
      expect([(await receipt(token)).status, (await receipt(everywhere)).status]).toEqual([404, 200])
      const list = async (as: string) =>
        (await alone.call('GET', '/v1/audit/events?type=record.tokenize', { token: as })).body.events
      expect(await list(token)).toEqual([])
      expect(await list(everywhere)).toContainEqual(foreign)
      // All readers of the log see that the whole log was read.
      const reads = await alone.events({ type: 'audit.read' })
      expect(reads.filter(({ site }) => site === undefined)).toHaveLength(3)
    } finally {
      await alone.stop()
    }
  })
})
