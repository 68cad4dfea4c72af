import { expect, it, vi } from 'vitest'
import { createTurns } from './log-readers.ts'

const quick = { places: 2, patienceMs: 60_000, mostWaiting: 8 }
const settle = () => vi.waitUntil(() => true)

/** A work that lasts until the test ends it. */
function work() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { run: vi.fn(() => promise), end: resolve }
}

it('lets so many work at once, and the others one after the other', async () => {
  const take = createTurns(quick)
  const works = [work(), work(), work()]
  const all = works.map(({ run }) => take('ann', run))
  await settle()
  expect(works.map(({ run }) => run.mock.calls.length)).toEqual([1, 1, 0])
  works[0]!.end()
  await vi.waitFor(() => expect(works[2]!.run).toHaveBeenCalled())
  for (const { end } of works) end()
  await Promise.all(all)
})

it('gives each waiting caller a turn before any gets a second one', async () => {
  const take = createTurns({ ...quick, places: 1 })
  const order: string[] = []
  const first = work()
  const all = [take('ann', first.run)]
  for (const owner of ['ann', 'ann', 'ann', 'bob', 'cleo']) all.push(take(owner, async () => void order.push(owner)))
  first.end()
  await Promise.all(all)
  expect(order).toEqual(['ann', 'bob', 'cleo', 'ann', 'ann'])
})

it('refuses who waits in vain, or where too many wait', async () => {
  const take = createTurns({ places: 1, patienceMs: 20, mostWaiting: 1 })
  const first = work()
  const held = take('ann', first.run)
  const late = take('bob', async () => 1)
  await expect(take('cleo', async () => 1)).rejects.toMatchObject({ code: 'busy' })
  await expect(late).rejects.toMatchObject({ code: 'busy', kind: 'unavailable' })
  first.end()
  await held
  expect(await take('bob', async () => 2)).toBe(2)
})

it('continues after a read that failed', async () => {
  const take = createTurns({ ...quick, places: 1 })
  await expect(take('ann', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await take('ann', async () => 1)).toBe(1)
})
