import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import type { Queryable } from '../../database/database.ts'
import type { Row } from '../sealing/sealed-table.ts'
import { type MoveOptions, moveValues } from './move-values.ts'
import type { ReencryptionTarget } from './reencryption-target.ts'

const NO_DATABASE: Queryable = {
  query: () => Promise.reject(new Error('everything is in memory')),
  dictionary: noDictionary,
}

interface Stored {
  id: number
  key: 'old' | 'new'
  opens: boolean
}

/** Rows in memory, in the order of their ids. */
class Table {
  readonly rows: Stored[]
  readonly pages: number[] = []
  writes = 0
  failWriteAt = Number.POSITIVE_INFINITY

  constructor(rows: readonly Omit<Stored, 'id'>[]) {
    this.rows = rows.map((row, id) => ({ ...row, id }))
  }

  get left(): number[] {
    return this.rows.filter(({ key }) => key === 'old').map(({ id }) => id)
  }

  target(): ReencryptionTarget {
    return {
      name: 'table',
      purposes: ['secret'],
      census: async () => new Map([['old', this.left.length]]),
      readPage: async (_db, oldKeys, limit, after = [-1]) => {
        const from = after[0] as number
        this.pages.push(from)
        const page = this.rows.filter(({ id }) => id > from).slice(0, limit)
        return {
          rows: page.filter(({ key }) => oldKeys.includes(key)).map((row) => ({ ...row })),
          next: page.length < limit ? undefined : [page.at(-1)!.id],
        }
      },
      reencrypt: async (row) => {
        const { id, opens } = row as Row & Stored
        if (opens) return { fresh: { id }, values: 1, stuck: 0, damaged: [], orphans: 0 }
        const damaged = [{ column: 'c', kind: 'k', token: String(id) }]
        return { fresh: undefined, values: 0, stuck: 1, damaged, orphans: 0 }
      },
      write: async (_db, fresh) => {
        if (this.writes++ >= this.failWriteAt) throw new Error('the connection is gone')
        const moved = fresh.map(({ id }) => this.rows[id as number]!).filter(({ key }) => key === 'old')
        for (const row of moved) row.key = 'new'
        return new Map([['old', moved.length]])
      },
      wal: async () => 0,
    }
  }
}

const options = (over: Partial<MoveOptions> = {}): MoveOptions => ({
  database: NO_DATABASE,
  oldKeys: ['old'],
  budget: { pageRows: 3, spend: async () => {} },
  isPaused: () => false,
  onMoved: () => {},
  onDamaged: () => {},
  onOrphans: () => {},
  ...over,
})

const anyRows = fc.array(fc.record({ key: fc.constantFrom('old' as const, 'new' as const), opens: fc.boolean() }), {
  maxLength: 40,
})

describe('a walk', () => {
  it('moves every row that opens, once, and reports every other one', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, fc.integer({ min: 1, max: 7 }), async (rows, pageRows) => {
        const table = new Table(rows)
        const [stuck, toMove] = [true, false].map((isStuck) =>
          table.left.filter((id) => table.rows[id]!.opens !== isStuck),
        )
        let moved = 0
        const damaged: number[] = []
        await moveValues(
          table.target(),
          options({
            budget: { pageRows, spend: async () => {} },
            onMoved: (counts) => {
              moved += counts.get('old') ?? 0
            },
            onDamaged: (values) => damaged.push(...values.map(({ token }) => Number(token))),
          }),
        )
        expect(moved).toBe(toMove!.length)
        expect(table.left).toEqual(stuck)
        expect(damaged).toEqual(stuck)
        expect(new Set(table.pages).size).toBe(table.pages.length)
      }),
    )
  })

  it('spends its budget on what it moves, not on what it passes over', async () => {
    const table = new Table([...Array(10).keys()].map((id) => ({ key: id < 4 ? 'new' : 'old', opens: true })))
    const spent: number[] = []
    await moveValues(
      table.target(),
      options({ budget: { pageRows: 2, spend: async (count) => void spent.push(count) } }),
    )
    expect(spent).toEqual([0, 0, 2, 2, 2])
  })

  it('that is paused has written every page that it re-encrypted, and begins no other', async () => {
    const table = new Table(Array.from({ length: 30 }, () => ({ key: 'old', opens: true })))
    let moved = 0
    await moveValues(
      table.target(),
      options({
        isPaused: () => moved >= 6,
        onMoved: (counts) => {
          moved += counts.get('old') ?? 0
        },
      }),
    )
    expect(moved).toBe(30 - table.left.length)
    expect(moved).toBeGreaterThanOrEqual(6)
    expect(moved).toBeLessThanOrEqual(12)
  })

  it('ends when a page cannot be written, and says so', async () => {
    const table = new Table(Array.from({ length: 30 }, () => ({ key: 'old', opens: true })))
    table.failWriteAt = 2
    await expect(moveValues(table.target(), options())).rejects.toThrow('the connection is gone')
    expect(table.writes).toBeLessThanOrEqual(4)
    expect(table.left).toHaveLength(24)
  })
})
