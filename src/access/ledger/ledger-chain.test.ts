import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { LedgerEntry } from './access-ledger-store.ts'
import { BrokenChain, EMPTY_LEDGER, extendChain, followChain, LEDGER_DOMAIN, remakeChain } from './ledger-chain.ts'

const macUnder = (key: string) => (text: string) => createHmac('sha256', key).update(text).digest()
const isUnder = (key: string) => (text: string, mac: Buffer) => macUnder(key)(text).equals(mac)

const CHANGES = [
  { subject: 'client a', state: 'one' },
  { subject: 'client b', state: 'one' },
  { subject: 'client a', state: 'two' },
  { subject: 'disabled staff:ann', state: 'refused' },
  { subject: 'client b', state: null },
]
const chain = extendChain(EMPTY_LEDGER, CHANGES, macUnder('old'))
const follow = (entries: readonly LedgerEntry[], from = EMPTY_LEDGER) => followChain(from, entries, isUnder('old'))

describe('a chain', () => {
  it('says what each subject is after all of its entries, read at once or one after the other', async () => {
    const whole = await follow(chain)
    expect([...whole.state]).toEqual([
      ['client a', 'two'],
      ['disabled staff:ann', 'refused'],
    ])
    expect(whole).toMatchObject({ generation: 5, head: chain[4]!.mac })
    let view = EMPTY_LEDGER
    for (const entry of chain) view = await follow([entry], view)
    expect(view).toEqual(whole)
  })

  it('has no entry for what changes nothing', async () => {
    const view = await follow(chain)
    const same = [
      { subject: 'client a', state: 'two' },
      { subject: 'client b', state: null },
    ]
    expect(extendChain(view, same, macUnder('old'))).toEqual([])
    expect(extendChain(view, [...CHANGES.slice(1, 2), ...CHANGES.slice(1, 2)], macUnder('old'))).toHaveLength(1)
  })

  it.each<[string, (entries: LedgerEntry[]) => LedgerEntry[]]>([
    ['without its first entry', ([, ...rest]) => rest],
    ['without an entry in the middle', (entries) => entries.toSpliced(2, 1)],
    ['in another order', ([first, second, ...rest]) => [second!, first!, ...rest]],
    ['with an entry twice', ([first, ...rest]) => [first!, first!, ...rest]],
    ['with another state', ([first, ...rest]) => [{ ...first!, state: 'two' }, ...rest]],
    ['with another subject', ([first, ...rest]) => [{ ...first!, subject: 'client c' }, ...rest]],
    ['with another generation', (entries) => [...entries.slice(0, -1), { ...entries.at(-1)!, generation: 9 }]],
    [
      'with an entry from another chain',
      (entries) => [...entries, ...extendChain(EMPTY_LEDGER, CHANGES, macUnder('old'))],
    ],
  ])('does not hold %s', async (_what, change) => {
    await expect(follow(change([...chain]))).rejects.toThrow(BrokenChain)
  })
})

describe('made again under another key', () => {
  const remaking = {
    isOurs: (domain: string, text: string, mac: Uint8Array | null) =>
      domain === LEDGER_DOMAIN && mac !== null && isUnder('old')(text, Buffer.from(mac)),
    make: (_domain: string, text: string) => macUnder('new')(text),
  }

  it('it says the same, in fewer entries, and has not fallen back', async () => {
    const remade = (await remakeChain(chain, remaking))!
    expect(remade.map(({ generation }) => generation)).toEqual([3, 4, 5])
    const before = await follow(chain)
    const after = await followChain(EMPTY_LEDGER, remade, isUnder('new'))
    expect(after.state).toEqual(before.state)
    expect(after.generation).toBe(before.generation)
    await expect(follow(remade)).rejects.toThrow(BrokenChain)
  })

  it('it stays wrong after it was changed outside the vault', async () => {
    expect(await remakeChain(chain.toSpliced(1, 1), remaking)).toBeUndefined()
  })

  it('an empty one stays empty', async () => {
    expect(await remakeChain([], remaking)).toEqual([])
  })
})
