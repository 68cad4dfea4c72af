import { describe, expect, it, vi } from 'vitest'
import { addInTurns, controlled, settled } from '../../test/support/controlled-statements.ts'
import { Problem } from '../values/problem.ts'
import { createBatch } from './batch.ts'
import { DatabaseError } from './database-error.ts'

describe('createBatch', () => {
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

  it('answers no request before the statement is done', async () => {
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

  it('keeps shared statements apart, and makes neither one that is full nor a lone item wait', async () => {
    const { run, runs } = controlled()
    const add = createBatch({ run, maxRows: 3, paceMs: 3_600_000 })
    const addAndSettle = async (...items: number[]) => {
      for (const item of items) void add(item)
      await settled()
    }
    await addAndSettle(1)
    await addAndSettle(2)
    runs[0]!.finish()
    await settled()
    await addAndSettle(3, 4)
    expect(runs.map(({ items }) => items)).toEqual([[1], [2], [3, 4]])
    for (const { finish } of runs) finish()
    await addAndSettle(5)
    await addAndSettle(6)
    expect(runs).toHaveLength(3)
    await addAndSettle(7)
    expect(runs.at(-1)!.items).toEqual([5, 6, 7])
  })

  it('runs what it has kept apart afterwards', async () => {
    const { run, runs } = controlled()
    const add = createBatch({ run, inFlight: 1, paceMs: 20 })
    const answers = [add(1), add(2)]
    await settled()
    runs[0]!.finish()
    await Promise.all(answers)
    const later = add(3)
    await vi.waitFor(() => expect(runs.map(({ items }) => items)).toEqual([[1, 2], [3]]))
    runs[1]!.finish()
    expect(await later).toBe(3)
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
    await expect(add(4)).rejects.toMatchObject({ code: 'busy', kind: 'unavailable' })
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
