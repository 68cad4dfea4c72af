import { describe, expect, it, vi } from 'vitest'
import { addInTurns, controlled, settled } from '../../test/support/controlled-statements.ts'
import { Problem } from '../values/problem.ts'
import { createBatch, WAITS } from './batch.ts'
import { DatabaseError } from './database-error.ts'

describe('a batch with an item that waits for a lock', () => {
  const LOCKED = 3
  const ended = (sqlState: string) => new Problem('busy', { cause: new DatabaseError(sqlState, undefined) })

  /** Statements wait in vain for the locked item as long as it is locked. */
  function lockable(sqlState = '55P03') {
    const lock = { isHeld: true }
    const waits = (items: readonly number[]) => lock.isHeld && items.includes(LOCKED)
    return { lock, ...controlled((items) => (waits(items) ? ended(sqlState) : items)) }
  }

  /** Statements leave the locked item out, unless it is alone. */
  function leavingOut() {
    const { run, runs } = controlled((items) =>
      items.length > 1 ? items.map((item) => (item === LOCKED ? WAITS : item)) : items,
    )
    const modes: boolean[] = []
    return {
      runs,
      modes,
      run: (items: readonly number[], isAlone: boolean) => {
        modes.push(isAlone)
        return run(items)
      },
    }
  }

  async function finishAll(runs: readonly { finish: () => void }[]): Promise<void> {
    for (let at = 0; at < runs.length; at++) {
      runs[at]!.finish()
      await settled()
    }
  }

  it('tries all of its statement alone, answers its neighbours and refuses it', async () => {
    const { run, runs } = lockable()
    const add = createBatch({ run, inFlight: 1 })
    const answers = Promise.allSettled(await addInTurns(add, [1, 2, LOCKED, 4, 5]))
    await finishAll(runs)
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, LOCKED, 4, 5], [2], [LOCKED], [4], [5]])
    const [, , refused, ...others] = await answers
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'busy', kind: 'unavailable' } })
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
  })

  it('serves what arrives in the meantime, and its neighbours while it waits', async () => {
    const { run, runs } = lockable()
    const add = createBatch({ run, inFlight: 1 })
    const [first, waiting, neighbour] = await addInTurns(add, [1, LOCKED, 4])
    runs[0]!.finish()
    await first
    await settled()
    runs[1]!.finish()
    await settled()
    const later = add(6)
    await settled()
    expect(runs.slice(2).map(({ items }) => items)).toEqual([[LOCKED], [4], [6]])
    runs[3]!.finish()
    runs[4]!.finish()
    expect(await Promise.all([neighbour, later])).toEqual([4, 6])
    runs[2]!.finish()
    await expect(waiting).rejects.toMatchObject({ code: 'busy' })
  })

  it('answers the others at once when their statement says that it left it out, and lets it wait alone', async () => {
    const { run, runs, modes } = leavingOut()
    const add = createBatch({ run, inFlight: 1 })
    const [, one, waiting, other] = await addInTurns(add, [0, 1, LOCKED, 2])
    runs[0]!.finish()
    await settled()
    runs[1]!.finish()
    expect(await Promise.all([one, other])).toEqual([1, 2])
    const later = add(4)
    await settled()
    expect(runs.slice(2).map(({ items }) => items)).toEqual([[LOCKED], [4]])
    expect(modes).toEqual([false, false, true, false])
    runs[3]!.finish()
    expect(await later).toBe(4)
    runs[2]!.finish()
    expect(await waiting).toBe(LOCKED)
  })

  it('lets two wait at once, and no more', async () => {
    const run = vi.fn((items: readonly number[], isAlone: boolean) =>
      isAlone ? new Promise<number[]>(() => {}) : Promise.resolve(items.map((item) => (item < 0 ? WAITS : item))),
    )
    const add = createBatch<number, number>({ run })
    for (const item of [-1, -2, -3, -4, -5, -6]) void add(item)
    expect(await Promise.all([7, 8].map(add))).toEqual([7, 8])
    expect(await add(9)).toBe(9)
    expect(run.mock.calls.filter(([, isAlone]) => isAlone).map(([items]) => items)).toEqual([[-1], [-2]])
  })

  it('tries nothing again that took too long altogether', async () => {
    const { run, runs } = lockable('57014')
    const add = createBatch({ run, inFlight: 1 })
    const answers = Promise.allSettled(await addInTurns(add, [1, 2, LOCKED]))
    await finishAll(runs)
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, LOCKED]])
    expect((await answers).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
  })
})
