import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import { testKey } from '../../../test/support/test-keys.ts'
import type { Queryable } from '../../database/database.ts'
import { MAX_USES } from '../key/cryptoperiod.ts'
import { createKeyUses, type KeyUses } from './key-uses.ts'

/** The row of one key, with the arithmetic of the statement, and a connection that may break before or after it. */
class Ledger implements Queryable {
  readonly dictionary = noDictionary
  uses = 0
  reserved = 0
  breaks: 'never' | 'before' | 'after' = 'never'
  isThere = true

  async query<Row>(
    _statement: unknown,
    [, [used = 0] = [], [wanted = 0] = [], [seen = 0] = []]: [unknown?, number[]?, number[]?, number[]?] = [],
  ): Promise<Row[]> {
    if (this.breaks === 'before') throw new Error('broken')
    if (!this.isThere) return []
    this.uses = Math.max(this.uses, seen)
    const granted = Math.min(wanted, Math.max(0, MAX_USES - this.uses - this.reserved))
    this.uses += used
    this.reserved = Math.max(0, this.reserved - used + granted)
    if (this.breaks === 'after') throw new Error('broken')
    return [{ id: 'key', granted }] as Row[]
  }

  get atMost(): number {
    return this.uses + this.reserved
  }
}

const KEY = testKey('secret', { id: 'key' })
const codeOf = (work: () => void): string => {
  try {
    work()
    return 'done'
  } catch (error) {
    return (error as { code: string }).code
  }
}

async function holding(ledger: Ledger, lost: string[] = []): Promise<KeyUses> {
  const uses = createKeyUses(
    ledger,
    () => {},
    (_id, reason) => lost.push(reason),
  )
  await uses.hold([KEY])
  return uses
}

type Step =
  | { server: 0 | 1; spend: number }
  | { server: 0 | 1; settle: Ledger['breaks'] }
  | { server: 0 | 1; restart: 'clean' | 'crash' }

const server = fc.constantFrom(0 as const, 1 as const)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ server, spend: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ server, settle: fc.constantFrom('never' as const, 'before' as const, 'after' as const) }),
  fc.record({ server, restart: fc.constantFrom('clean' as const, 'crash' as const) }),
)

describe('the count of uses', () => {
  it('is never too low after a failure, and exact without one', () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const ledger = new Ledger()
        const servers = [await holding(ledger), await holding(ledger)]
        let spent = 0
        let isWhole = true
        for (const next of steps) {
          const uses = servers[next.server]!
          if ('spend' in next) {
            if (codeOf(() => uses.consume('key', next.spend)) === 'done') spent += next.spend
          } else if ('settle' in next) {
            ledger.breaks = next.settle
            isWhole &&= next.settle === 'never'
            await uses.settle().catch(() => {})
            ledger.breaks = 'never'
          } else {
            if (next.restart === 'clean') await uses.close()
            else isWhole = false
            servers[next.server] = await holding(ledger)
          }
          expect(ledger.atMost).toBeGreaterThanOrEqual(spent)
        }
        for (const uses of servers) await uses.close()
        expect(ledger.atMost).toBeGreaterThanOrEqual(spent)
        if (isWhole) expect([ledger.uses, ledger.reserved]).toEqual([spent, 0])
      }),
    ))

  it('gives everything back although the ring is read while it ends', async () => {
    const ledger = new Ledger()
    const uses = await holding(ledger)
    const closed = uses.close()
    uses.keepOnly([KEY])
    await closed
    expect(ledger.reserved).toBe(0)
  })

  it('hands out what is left before the limit, and then says that the key has expired', async () => {
    const ledger = new Ledger()
    ledger.uses = MAX_USES - 2
    const uses = await holding(ledger)
    expect([1, 1, 1].map((count) => codeOf(() => uses.consume('key', count)))).toEqual(['done', 'done', 'key-expired'])
    await uses.settle()
    expect([ledger.uses, ledger.reserved]).toEqual([MAX_USES, 0])
  })

  it('says that the vault is busy when the database is too slow, and continues when it is back', async () => {
    const ledger = new Ledger()
    const uses = await holding(ledger)
    ledger.breaks = 'before'
    for (let at = 0; at < 65_536; at++) uses.consume('key', 1)
    expect(codeOf(() => uses.consume('key', 1))).toBe('busy')
    ledger.breaks = 'never'
    await uses.settle().catch(() => uses.settle())
    expect(codeOf(() => uses.consume('key', 1))).toBe('done')
  })

  it('fetches more in the background when half is gone', async () => {
    const ledger = new Ledger()
    const uses = await holding(ledger)
    uses.consume('key', 40_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(ledger.uses).toBe(40_000)
    expect(codeOf(() => uses.consume('key', 60_000))).toBe('done')
  })

  it('is compared with the highest count after it was put back, and that is reported once', async () => {
    const ledger = new Ledger()
    const lost: string[] = []
    const uses = await holding(ledger, lost)
    const observed = (count: number) => uses.observe([{ id: 'key', uses: count }])
    observed(MAX_USES - 65_537)
    for (let at = 0; at < 2; at++) observed(3)
    expect(lost).toEqual([expect.stringMatching(/key in "key_uses" was put back from 2147418111 uses to 3/)])
    // All that is left is this process's reserve, and one.
    uses.consume('key', 65_536)
    await uses.settle()
    expect(ledger.uses).toBe(MAX_USES - 1)
    uses.consume('key', 1)
    expect(codeOf(() => uses.consume('key', 1))).toBe('key-expired')
    // A count that was right again and is put back once more, is reported once more; at the limit nothing helps.
    observed(MAX_USES)
    observed(0)
    expect(lost).toHaveLength(2)
    await uses.settle()
    expect(codeOf(() => uses.consume('key', 1))).toBe('key-expired')
  })

  it('that is missing stops the key, and is reported once', async () => {
    const ledger = new Ledger()
    ledger.isThere = false
    const lost: string[] = []
    const uses = await holding(ledger, lost)
    for (let at = 0; at < 2; at++) {
      uses.observe([{ id: 'key', uses: 0 }])
      await uses.settle()
    }
    expect(lost).toEqual([expect.stringMatching(/key in "key_uses" is missing/)])
    expect(codeOf(() => uses.consume('key', 1))).toBe('key-expired')
    ledger.isThere = true
    await uses.settle()
    expect(codeOf(() => uses.consume('key', 1))).toBe('done')
  })

  it('stops a key that the registry says is at its limit, and gives away no key that is not held', async () => {
    const ledger = new Ledger()
    const uses = await holding(ledger)
    uses.observe([{ id: 'key', uses: MAX_USES }])
    expect(codeOf(() => uses.consume('key', 1))).toBe('key-expired')
    expect(codeOf(() => uses.consume('another', 1))).toBe('busy')
    uses.keepOnly([])
    await uses.settle()
    expect(ledger.reserved).toBe(0)
    expect(codeOf(() => uses.consume('key', 1))).toBe('busy')
  })
})
