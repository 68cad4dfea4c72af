import { describe, expect, it, vi } from 'vitest'
import { Problem } from '../problem.ts'
import { createBatch, WAITS } from './batch.ts'
import { DatabaseError } from './database-error.ts'

/** A statement whose runs are recorded and finish when the test says so. */
function controlled(outcome: (items: readonly number[]) => unknown = (items) => items) {
  const runs: { items: readonly number[]; finish: () => void }[] = []
  const run = (items: readonly number[]) =>
    new Promise<readonly number[]>((resolve, reject) => {
      const finish = () => {
        const result = outcome(items)
        if (result instanceof Error) reject(result)
        else resolve(result as readonly number[])
      }
      runs.push({ items, finish })
    })
  return { run, runs }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('createBatch', () => {
  /** The first alone, and the others while it runs. */
  const addInTurns = async <T>(add: (item: number) => Promise<T>, [first, ...others]: readonly number[]) => {
    const answers = [add(first!)]
    await settled()
    return [...answers, ...others.map(add)]
  }

  it('runs what arrived in one turn of the event loop at its end, when nothing is running', async () => {
    const { run, runs } = controlled()
    const add = createBatch({ run })
    void add(1)
    void Promise.resolve().then(() => add(2))
    await settled()
    expect(runs.map(({ items }) => items)).toEqual([[1, 2]])
    void add(3)
    await settled()
    expect(runs.map(({ items }) => items)).toEqual([[1, 2], [3]])
  })

  it('makes one batch of what arrives while statements run, and answers each with its own result', async () => {
    const { run, runs } = controlled((items) => items.map((item) => item * 10))
    const add = createBatch({ run, inFlight: 1 })
    const answers = Promise.all(await addInTurns(add, [1, 2, 3, 4]))
    runs[0]!.finish()
    await settled()
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3, 4]])
    runs[1]!.finish()
    expect(await answers).toEqual([10, 20, 30, 40])
  })

  it('answers nobody before the statement is done', async () => {
    const { run, runs } = controlled()
    let answered = false
    const answer = createBatch({ run })(1).then(() => {
      answered = true
    })
    await settled()
    expect(answered).toBe(false)
    runs[0]!.finish()
    await answer
    expect(answered).toBe(true)
  })

  it('never puts more into a statement, nor runs more statements, than it may', async () => {
    const { run, runs } = controlled()
    const add = createBatch({ run, inFlight: 2, maxRows: 3 })
    const answers = Promise.all(await addInTurns(add, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    let unfinished = 0
    for (let at = 0; at < runs.length; at++) {
      unfinished = runs.length - at
      expect(unfinished).toBeLessThanOrEqual(2)
      expect(runs[at]!.items.length).toBeLessThanOrEqual(3)
      runs[at]!.finish()
      await settled()
    }
    expect(await answers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('tries a failed statement one by one, so that a bad item fails alone', async () => {
    const bad = 3
    const { run, runs } = controlled((items) => (items.includes(bad) ? new DatabaseError('23505', 'a_rule') : items))
    const add = createBatch({ run, inFlight: 1 })
    const answers = Promise.allSettled(await addInTurns(add, [1, 2, bad, 4]))
    for (let at = 0; at < runs.length; at++) {
      runs[at]!.finish()
      await settled()
    }
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [2], [3], [4]])
    expect((await answers).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  })

  describe('with an item that waits for a lock', () => {
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
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'busy', headers: { 'Retry-After': '1' } } })
      expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    })

    it('goes on with what arrives meanwhile, and with its neighbours while it waits', async () => {
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

    it('lets two wait at once, whoever else comes', async () => {
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

  it('tries nothing again when the outcome is unknown', async () => {
    const { run, runs } = controlled(() => new Problem('database-unavailable'))
    const add = createBatch({ run, inFlight: 1 })
    const answers = Promise.allSettled(await addInTurns(add, [1, 2, 3]))
    for (let at = 0; at < runs.length; at++) {
      runs[at]!.finish()
      await settled()
    }
    expect(runs.map(({ items }) => items)).toEqual([[1], [2, 3]])
    expect((await answers).every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('answers busy with Retry-After instead of letting a queue grow, and recovers', async () => {
    const { run, runs } = controlled()
    const add = createBatch({ run, inFlight: 1, maxWaitingRows: 2 })
    const accepted = await addInTurns(add, [1, 2, 3])
    await expect(add(4)).rejects.toMatchObject({ code: 'busy', status: 503, headers: { 'Retry-After': '1' } })
    for (let at = 0; at < runs.length; at++) {
      runs[at]!.finish()
      await settled()
    }
    expect(await Promise.all(accepted)).toEqual([1, 2, 3])
    const again = add(5)
    await settled()
    runs.at(-1)!.finish()
    expect(await again).toBe(5)
  })

  it('weighs items: a heavy one runs alone, and a queue is full by its rows', async () => {
    const { run, runs } = controlled()
    const add = createBatch({ run, inFlight: 1, maxRows: 10, maxWaitingRows: 20, weigh: (item: number) => item })
    const answers = Promise.all(await addInTurns(add, [1, 4, 5, 9, 2]))
    await expect(add(15)).rejects.toMatchObject({ code: 'busy' })
    for (let at = 0; at < runs.length; at++) {
      runs[at]!.finish()
      await settled()
    }
    expect(await answers).toEqual([1, 4, 5, 9, 2])
    expect(runs.map(({ items }) => items)).toEqual([[1], [4, 5], [9], [2]])
    const heavy = add(40)
    await settled()
    runs.at(-1)!.finish()
    expect(await heavy).toBe(40)
  })

  it('gives nothing up for a time in which the process was stopped', async () => {
    const { run, runs } = controlled()
    const add = createBatch({ run, inFlight: 1 })
    const answers = [add(1)]
    await settled()
    answers.push(add(2))
    await settled()
    // As a process that is stopped: the event loop does not turn.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_100)
    answers.push(add(3))
    await settled()
    runs[0]!.finish()
    await settled()
    runs[1]!.finish()
    expect(await Promise.all(answers)).toEqual([1, 2, 3])
  }, 20_000)

  describe('with owners', () => {
    interface Item {
      owner: string
      rows: number
      name: string
    }
    const item = (owner: string, name: string, rows = 1): Item => ({ owner, name, rows })
    const controlledItems = () => {
      const runs: { names: string[]; finish: () => void }[] = []
      const run = (items: readonly Item[]) =>
        new Promise<readonly string[]>((resolve) => {
          const names = items.map(({ name }) => name)
          runs.push({ names, finish: () => resolve(names) })
        })
      return { run, runs }
    }
    const options = { weigh: ({ rows }: Item) => rows, ownerOf: ({ owner }: Item) => owner }

    it('shares a statement out among all whose items wait', async () => {
      const { run, runs } = controlledItems()
      const add = createBatch({ ...options, run, inFlight: 1, maxRows: 4 })
      void add(item('a', 'a0'))
      await settled()
      for (let at = 1; at <= 6; at++) void add(item('a', `a${at}`))
      void add(item('b', 'b1'))
      void add(item('c', 'c1'))
      runs[0]!.finish()
      await settled()
      expect(runs[1]!.names).toEqual(['a1', 'b1', 'c1', 'a2'])
      runs[1]!.finish()
      await settled()
      expect(runs[2]!.names).toEqual(['a3', 'a4', 'a5', 'a6'])
    })

    it('lets no one fill more than half of the queue', async () => {
      const { run } = controlledItems()
      const add = createBatch({ ...options, run, inFlight: 1, maxWaitingRows: 8 })
      void add(item('a', 'running'))
      await settled()
      for (let at = 0; at < 4; at++) void add(item('a', `a${at}`))
      await expect(add(item('a', 'too many'))).rejects.toMatchObject({ code: 'busy' })
      for (let at = 0; at < 4; at++) void add(item('b', `b${at}`))
      await expect(add(item('c', 'full'))).rejects.toMatchObject({ code: 'busy' })
    })

    it('leaves a place for light items while heavy ones run', async () => {
      const { run, runs } = controlledItems()
      const add = createBatch({ ...options, run, inFlight: 2, maxRows: 10, maxWaitingRows: 1000 })
      void add(item('a', 'heavy 1', 50))
      void add(item('a', 'heavy 2', 50))
      void add(item('a', 'heavy 3', 50))
      await settled()
      expect(runs.map(({ names }) => names)).toEqual([['heavy 1']])
      void add(item('b', 'light'))
      await settled()
      expect(runs.map(({ names }) => names)).toEqual([['heavy 1'], ['light']])
      runs[0]!.finish()
      await settled()
      expect(runs.map(({ names }) => names)).toEqual([['heavy 1'], ['light'], ['heavy 2']])
      runs[1]!.finish()
      runs[2]!.finish()
      await settled()
      expect(runs.at(-1)!.names).toEqual(['heavy 3'])
    })
  })
})
