import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Keys } from '../../src/keys/ring/keys.ts'
import type { PlainValue } from '../../src/keys/sealing/sealing-thread.ts'
import { Problem } from '../../src/values/problem.ts'
import { card, checkout, contact } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'
import { countThreads } from '../support/threads.ts'
import { openTestKeys } from '../support/vault-keys.ts'

/** With one core everything is sealed where it is asked for. */
const hasThreads = availableParallelism() > 1

let vault: TestVault
let token: string

beforeEach(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  token = await vault.clientToken(['tokenize'], { role: 'checkout' })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await vault.checkInvariants()
  await vault.stop()
  expect(countThreads()).toBe(0)
})

const batch = (items: readonly unknown[], headers: Record<string, string> = {}) =>
  vault.call('POST', '/v1/tokenize/batch', { token, body: { items }, headers })

function values(text: string, count = 40): PlainValue[] {
  return Array.from({ length: count }, (_, at) => {
    const purpose = at % 2 ? 'display' : 'secret'
    const context = { site: 'default', kind: 'card', token: `${text}_${at}`, part: purpose, version: 1 }
    return { purpose, context, plaintext: Buffer.from(`${text} ${at}`), padToBytes: 64 }
  })
}

/** Seals so many that they go to the thread, and opens each again. */
async function sealAndOpen(keys: Keys, text: string): Promise<{ texts: string[]; keyIds: Set<string> }> {
  const plain = values(text)
  const sealed = await keys.sealAll(plain)
  const opened = await Promise.all(plain.map(({ context }, at) => keys.open(sealed[at]!, context)))
  return { texts: opened.map(String), keyIds: new Set(sealed.map(({ keyId }) => keyId)) }
}

describe('a batch', () => {
  it('of 1,000 is answered in order, every value of it opens in its place, and each use of a key is counted', async () => {
    await vault.tokenize({ contact })
    expect(countThreads()).toBe(0)
    const kinds = [{ contact }, { card }, { card: { ...card, number: '4242424242424241' } }, checkout]
    const items = Array.from({ length: 1000 }, (_, at) => ({ ...kinds[at % 4], customer: `cus_${at}` }))
    const { status, body } = await batch(items)
    expect(status).toBe(200)
    expect(countThreads()).toBe(hasThreads ? 1 : 0)
    const results = body.results as { status: number; customer?: string }[]
    const customerOf = new Map<string, string>()
    for (const [at, result] of results.entries()) {
      const refused = at % 4 === 2
      expect([result.status, result.customer]).toEqual(refused ? [422, undefined] : [201, `cus_${at}`])
      const tokens = Object.values<{ token?: string } | string | number>(result).flatMap((part) =>
        typeof part === 'object' && part.token !== undefined ? [part.token] : [],
      )
      expect(tokens.length).toBe([1, 1, 0, 4][at % 4])
      for (const token of tokens) customerOf.set(token, `cus_${at}`)
    }
    const opened = await openEverySealedValue(vault)
    const stored = opened.filter(({ row }) => customerOf.has(row.token as string))
    expect(stored.length).toBe(2 * (250 + 250 + 4 * 250))
    for (const { column, row, text } of stored) {
      if (column !== 'records.display') continue
      expect(JSON.parse(text).customer).toBe(customerOf.get(row.token as string))
    }
    const inventory = await vault.commands.takeInventory()
    for (const purpose of ['display', 'secret']) {
      expect(inventory.find((line) => line.purpose === purpose)).toMatchObject({ uses: 1501, references: 1501 })
    }
  })

  it.skipIf(!hasThreads)('whose thread dies is refused as a whole, and stored when it is sent again', async () => {
    await batch(Array.from({ length: 20 }, () => ({ contact })))
    const before = await vault.count('records')
    const items = Array.from({ length: 200 }, () => ({ contact }))
    const headers = { 'Idempotency-Key': 'dies' }
    const post = Worker.prototype.postMessage
    let slices = 0
    vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, ...message) {
      slices += 1
      if (slices === 5) void this.terminate()
      post.apply(this, message)
    })
    const refused = await batch(items, headers)
    expect([refused.status, refused.body.code, refused.headers['retry-after']]).toEqual([503, 'busy', '1'])
    expect(vault.logLines.join('')).toContain('SealingThreadError: the sealing thread ended')
    expect(await vault.count('records')).toBe(before)
    const again = await batch(items, headers)
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, undefined])
    expect(await vault.count('records')).toBe(before + 200)
    await openEverySealedValue(vault)
  })
})

describe('the thread and the key ring', () => {
  let keys: Keys
  let close: () => Promise<void>
  beforeEach(async () => {
    ;({ keys, close } = await openTestKeys(vault.database, { times: steadyKeys.keyTimes }))
  })
  afterEach(() => close())
  const threads = hasThreads ? 1 : 0

  it('a new key seals from the next values on', async () => {
    const before = await sealAndOpen(keys, 'before')
    expect(before.texts[7]).toBe('before 7')
    await vault.rotate()
    await keys.refresh()
    const after = await sealAndOpen(keys, 'after')
    expect(after.texts[7]).toBe('after 7')
    expect(after.keyIds).toEqual(new Set([keys.ring.active('display').id, keys.ring.active('secret').id]))
    expect(after.keyIds.intersection(before.keyIds).size).toBe(0)
  })

  it('keys that are forgotten seal nothing more, not what is under way either', async () => {
    await sealAndOpen(keys, 'first')
    expect(countThreads()).toBe(threads)
    const reason = new Problem('sealed')
    // A ring that is no longer young is read again, and then it is not the forgotten one that seals.
    await keys.refresh()
    const asked = keys.sealAll(values('under way')).catch((error: unknown) => error)
    keys.forget(reason)
    if (hasThreads) expect(await asked).toBe(reason)
    await asked
    for (const count of [2, 40]) {
      const later = values('later', count)
      await expect(keys.sealAll(later)).rejects.toBe(reason)
      for (const { plaintext } of later) expect(plaintext.every((byte) => byte === 0)).toBe(true)
    }
    expect(() => keys.seal('secret', values('later')[0]!.context, Buffer.from('later'), 64)).toThrow(reason)
    await expect.poll(countThreads).toBe(0)
    await keys.refresh()
    expect((await sealAndOpen(keys, 'again')).texts[39]).toBe('again 39')
  })

  it('a registry that is not to be trusted ends the thread', async () => {
    await sealAndOpen(keys, 'first')
    expect(countThreads()).toBe(threads)
    const shift = (by: string) =>
      vault.database.sql(`UPDATE keys SET created_at = created_at ${by} interval '1 second' WHERE purpose = 'index'`)
    await shift('+')
    await expect(keys.refresh()).rejects.toMatchObject({ code: 'sealed' })
    await expect(keys.sealAll(values('later'))).rejects.toMatchObject({ code: 'sealed' })
    await expect.poll(countThreads).toBe(0)
    await shift('-')
  })
})
