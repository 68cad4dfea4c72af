import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { tileAt, tilePath } from '../../src/audit/formats/tile.ts'
import { buildGoVerifier, type ForeignLog } from '../support/go-verifier.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const verifier = buildGoVerifier()
const whyNot = typeof verifier === 'string' ? ` (${verifier})` : ''

let vault: TestVault
let auditor: string
let log: ForeignLog

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  auditor = await vault.staffToken('auditor')
  log = await download()
}, 120_000)
afterAll(async () => {
  await vault.stop()
  if (typeof verifier !== 'string') verifier.remove()
})

/** The log over HTTP, as any reader sees it: two checkpoints, tiles, a bundle of entries, and a receipt. */
async function download(): Promise<ForeignLog> {
  const { card } = await vault.tokenize(checkout)
  const older = await checkpoint()
  const reader = await vault.staffToken('support')
  for (let done = 0; done < 300; done += 20) {
    const call = () => vault.call('GET', `/v1/tokens/${card!.token}`, { token: reader })
    await Promise.all(Array.from({ length: 20 }, call))
  }
  const newer = await checkpoint()
  const { size } = parseCheckpoint(newer)
  const tiles: Record<string, string> = {}
  for (const [level, index] of [
    [0, 0],
    [0, 1],
    [1, 0],
  ] as const) {
    const path = tilePath(tileAt(level, index, size)!)
    tiles[path] = (await bytes(path)).toString('base64')
  }
  const bundle = await bytes('entries/000')
  const [event] = await vault.events({ type: 'record.tokenize' })
  const receipt = await vault.call('GET', `/v1/audit/events/${event!.id}/receipt`, { token: auditor })
  const [key] = await vault.commands.listLogKeys()
  return { key: key!.verifier_key, older, newer, tiles, entries: entriesOf(bundle), receipt: receipt.body }
}

async function checkpoint(): Promise<string> {
  const events = await vault.count('audit_events')
  await vi.waitUntil(async () => (await vault.count('audit_leaves')) >= events)
  return (await vault.call('GET', '/v1/audit/checkpoint', { token: auditor })).text!
}

async function bytes(path: string): Promise<Buffer> {
  const answer = await vault.call('GET', `/v1/audit/tile/${path}`, { token: auditor })
  expect(answer.status, path).toBe(200)
  return answer.body
}

function entriesOf(bundle: Buffer): string[] {
  const entries: string[] = []
  for (let at = 0; at < bundle.length; ) {
    const length = bundle.readUInt16BE(at)
    entries.push(bundle.toString('base64', at + 2, at + 2 + length))
    at += 2 + length
  }
  return entries
}

/** The same proof, or the same bytes, written otherwise: what an inexact decoder takes for it. */
function otherSpellings([first, ...rest]: string[]): string[][] {
  const bytes = Buffer.from(first!, 'base64')
  const last = Buffer.from(first!.slice(-2, -1), 'latin1')[0]!
  const longer = Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64')
  const spellings = [longer, bytes.toString('base64', 0, 31), `${first}\n`, first!.replaceAll('=', '')]
  return [...spellings, `${first!.slice(0, -2)}${String.fromCharCode(last + 1)}=`].map((one) => [one, ...rest])
}

const flipped = (base64: string, at: number) => {
  const changed = Buffer.from(base64, 'base64')
  changed[at]! ^= 1
  return changed.toString('base64')
}

describe.skipIf(typeof verifier === 'string')(`Go's verifier of transparency logs${whyNot}`, () => {
  const verify = (changes: Partial<ForeignLog> = {}) => {
    if (typeof verifier === 'string') throw new Error(verifier)
    return verifier.verify({ ...log, ...changes })
  }

  it('verifies checkpoints, consistency, entries and a receipt unchanged', () => {
    expect(verify()).toEqual({ ok: true, output: 'verified 256 entries' })
  })

  it('refuses what was changed, each of them', () => {
    const [first, ...rest] = log.entries
    const refused = [
      verify({ newer: log.newer.replace(/\n\d+\n/, '\n7\n') }),
      verify({ key: log.key.replace(/\+[0-9a-f]{8}\+/, '+00000000+') }),
      verify({ tiles: { ...log.tiles, '0/000': flipped(log.tiles['0/000']!, 40) } }),
      verify({ entries: [flipped(first!, 3), ...rest] }),
      verify({ receipt: { ...log.receipt, index: log.receipt.index + 1 } }),
      verify({ receipt: { ...log.receipt, body: `${log.receipt.body} ` } }),
      ...otherSpellings(log.receipt.proof).map((proof) => verify({ receipt: { ...log.receipt, proof } })),
    ]
    expect(refused.map(({ ok }) => ok)).toEqual(refused.map(() => false))
  })
})
