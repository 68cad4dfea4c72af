import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createRandomBytes } from '../../values/random.ts'
import {
  beginCeremony,
  createCustodianSharesProvider,
  createShareCollection,
  ShareRefused,
} from './custodian-shares.ts'
import { formatShare, parseShare } from './share-text.ts'

const randomBytes = createRandomBytes()
const context = { site: '', kind: 'key', token: 'key_a', part: 'secret', version: 1 }
const at = new Date('2026-11-24T10:00:00Z')
const names = (count: number) => Array.from({ length: count }, (_, n) => `custodian ${n + 1}`)

async function ceremony(shares: number, threshold: number, id = `root_${'0'.repeat(18)}k3v9m0az`) {
  const begun = await beginCeremony(id, { custodians: names(shares), threshold }, randomBytes)
  const texts = begun.shares.map(({ text }) => text)
  const rootKey = await begun.complete(texts.map(() => at))
  return { texts, rootKey, record: rootKey.record }
}

/** A threshold, how many shares there are, and an order in which they come. */
const splits = fc
  .integer({ min: 2, max: 10 })
  .chain((shares) =>
    fc.tuple(
      fc.constant(shares),
      fc.integer({ min: 2, max: shares }),
      fc.shuffledSubarray([...Array(shares).keys()], { minLength: shares, maxLength: shares }),
    ),
  )

describe('m of n custodians', () => {
  it('any m open it, in any order, and m - 1 do not', async () => {
    await fc.assert(
      fc.asyncProperty(splits, async ([shares, threshold, order]) => {
        const { texts, rootKey, record } = await ceremony(shares, threshold)
        const wrapped = await rootKey.wrap(Buffer.from('a key'), context)
        const collection = createShareCollection(record, randomBytes)
        const chosen = order.slice(0, threshold).map((index) => texts[index]!)
        for (const [index, text] of chosen.entries()) {
          const opened = await collection.add(text)
          expect(opened === undefined).toBe(index < threshold - 1)
          if (opened) expect((await opened.unwrap(wrapped, context)).toString()).toBe('a key')
        }
        expect(collection.given).toBe(0)
      }),
      { numRuns: 50 },
    )
  })

  it('one share given twice counts once', async () => {
    const { texts, record } = await ceremony(3, 2)
    const collection = createShareCollection(record, randomBytes)
    await collection.add(texts[0]!)
    await expect(collection.add(texts[0]!)).rejects.toThrow(ShareRefused)
    await expect(collection.add(texts[0]!.toUpperCase().replaceAll('-', ''))).rejects.toThrow(ShareRefused)
    expect(collection.given).toBe(1)
    expect(await collection.add(texts[2]!)).toBeDefined()
  })

  it('a share that is wrong, mistyped or of another ceremony changes nothing, and no two refusals differ', async () => {
    const { texts, record } = await ceremony(3, 2)
    const other = await ceremony(3, 2, `root_${'0'.repeat(18)}zzzzzzzz`)
    const again = await ceremony(3, 2)
    const share = parseShare(texts[1]!)!
    const forged = formatShare({ ...share, bytes: Buffer.from(share.bytes.toReversed()) })
    const renumbered = formatShare({ ...parseShare(texts[0]!)!, number: 2 })
    const unknown = formatShare({ ...share, number: 9 })
    const mistyped = `${texts[1]!.slice(0, -1)}${texts[1]!.endsWith('0') ? '1' : '0'}`
    const collection = createShareCollection(record, randomBytes)
    await collection.add(texts[0]!)
    const messages = new Set<string>()
    for (const wrong of [other.texts[1]!, again.texts[1]!, forged, renumbered, unknown, mistyped, texts[0]!, '']) {
      const error = await collection.add(wrong).then(
        () => expect.fail('a wrong share was taken'),
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(ShareRefused)
      messages.add((error as Error).message)
      expect(collection.given).toBe(1)
    }
    expect(messages.size).toBe(1)
    expect(await collection.add(texts[1]!)).toBeDefined()
  })

  it('a record that was changed to ask for fewer opens nothing', async () => {
    const { texts, record } = await ceremony(5, 3)
    const changed = { ...record, parameters: { ...record.parameters, threshold: 2 } }
    const collection = createShareCollection(changed, randomBytes)
    await collection.add(texts[0]!)
    await expect(collection.add(texts[1]!)).rejects.toThrow(ShareRefused)
    expect(collection.given).toBe(0)
  })

  it('the record holds no share, and nothing that two shares have in common with it', async () => {
    const { texts, record } = await ceremony(3, 2)
    const kept = JSON.stringify(record)
    for (const text of texts) {
      const { bytes } = parseShare(text)!
      for (const form of ['hex', 'base64', 'base64url'] as const) expect(kept).not.toContain(bytes.toString(form))
      expect(kept).not.toContain(text.slice(-20))
    }
    expect(record.parameters).toMatchObject({
      threshold: 2,
      custodians: [{ name: 'custodian 1', acknowledged_at: at.toISOString() }, {}, {}],
    })
  })
})

describe('shares that are too few', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are forgotten after a quarter of an hour', async () => {
    const { texts, record } = await ceremony(3, 2)
    const collection = createShareCollection(record, randomBytes)
    await collection.add(texts[0]!)
    vi.advanceTimersByTime(15 * 60 * 1000 - 1)
    expect(collection.given).toBe(1)
    vi.advanceTimersByTime(1)
    expect(collection.given).toBe(0)
    expect(await collection.add(texts[1]!)).toBeUndefined()
  })
})

describe('a ceremony', () => {
  it.each([
    ['a threshold of one', names(3), 1],
    ['a threshold above the number of shares', names(2), 3],
    ['one custodian', names(1), 2],
    ['eleven custodians', names(11), 2],
    ['one person twice', ['Tan Mei Ling', 'tan  mei ling '], 2],
  ])('is refused with %s', async (_what, custodians, threshold) => {
    await expect(beginCeremony('root_a', { custodians, threshold }, randomBytes)).rejects.toThrow(/\.$/)
  })

  it('makes no root key while a custodian has not acknowledged', async () => {
    const begun = await beginCeremony('root_a', { custodians: names(3), threshold: 2 }, randomBytes)
    await expect(begun.complete([at, at])).rejects.toThrow('acknowledged')
  })

  it('is the only way to a root key of custodians: the provider by itself makes none, and opens none', async () => {
    const { record } = await ceremony(3, 2)
    const provider = createCustodianSharesProvider()
    await expect(provider.create('root_b')).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
    await expect(provider.open(record)).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
  })
})
