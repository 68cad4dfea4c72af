import { integerArray, textArray } from './binary-array.ts'
import type { Statement } from './session-pool.ts'

/** The sorts of names that are numbers in other tables. */
export type Sort = 'site' | 'key' | 'kind' | 'policy' | 'consents' | 'type' | 'purpose' | 'caller'

/** Translates the names and numbers that it has read. Null stays null. */
export interface Translation<From, To> {
  (value: From): To
  (value: From | null): To | null
}

/** The names that are numbers in other tables. */
export interface Dictionary {
  /** Numbers of names. New names are added. */
  ids(sort: Sort, names: Iterable<string | null>): Promise<Translation<string, number>>
  /** Names of numbers. A number without a name is translated to `#` and the number, which is no name of anything. */
  names(sort: Sort, ids: Iterable<number | null>): Promise<Translation<number, string>>
}

/** Runs statements on one session, or on any. */
type Run = <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>

interface Entry {
  id: number
  name: string
}

/**
 * Two sessions may take the same number at once: one of them adds nothing, and asks again for a number a little further
 * on, so that many sessions do not collide repeatedly. `ON CONFLICT` waits for a transaction that has added the name
 * and is not over.
 */
const ADD: Statement = {
  name: 'add-to-dictionary',
  text: `WITH wanted AS (SELECT DISTINCT name FROM unnest($2::text[]) AS w (name)),
         present AS (SELECT d.id, d.name FROM dictionary d JOIN wanted USING (name) WHERE d.sort = $1),
         added AS (
           INSERT INTO dictionary (sort, id, name)
           SELECT $1, (SELECT coalesce(max(id), 0) + floor(random() * $3::integer)::integer FROM dictionary WHERE sort = $1)
                      + row_number() OVER (ORDER BY name), name
           FROM wanted WHERE name NOT IN (SELECT name FROM present)
           ON CONFLICT DO NOTHING RETURNING id, name)
         SELECT id, name FROM present UNION ALL SELECT id, name FROM added`,
}
const FIND: Statement = {
  name: 'find-in-dictionary',
  text: 'SELECT id, name FROM dictionary WHERE sort = $1 AND id = ANY($2::integer[])',
}
const ATTEMPTS = 20
/** How much further on a number may be with each attempt. */
const SPREAD = 8

/** Names of one sort, both ways: its own, and those of its parent. */
class Names {
  readonly ids = new Map<string, number>()
  readonly #names = new Map<number, string>()
  readonly #parent: Names | undefined

  constructor(parent?: Names) {
    this.#parent = parent
  }

  idOf(name: string): number | undefined {
    return this.ids.get(name) ?? this.#parent?.idOf(name)
  }

  nameOf(id: number): string | undefined {
    return this.#names.get(id) ?? this.#parent?.nameOf(id)
  }

  add({ id, name }: Entry): void {
    this.ids.set(name, id)
    this.#names.set(id, name)
  }

  readonly toId = ((name: string | null) => {
    if (name === null) return null
    const id = this.idOf(name)
    if (id === undefined) throw new Error('a name is looked up before it is translated')
    return id
  }) as Translation<string, number>

  readonly toName = ((id: number | null) => (id === null ? null : (this.nameOf(id) ?? `#${id}`))) as Translation<
    number,
    string
  >
}

/** How many names of a sort are remembered, some 10 MB. Then memory starts empty. */
const MAX_NAMES = 100_000

/** What a process has read of the dictionary. A row that is committed never changes, so what was read stays right. */
export class DictionaryMemory {
  #names = new Map<Sort, Names>()
  #losses = 0
  readonly #countLosses: () => number

  /** @param countLosses how many connections were lost so far: a standby that takes over need not have the latest rows */
  constructor(countLosses: () => number) {
    this.#countLosses = countLosses
  }

  readonly of = (sort: Sort): Names => {
    const losses = this.#countLosses()
    if (losses !== this.#losses) {
      this.#losses = losses
      this.#names = new Map()
    }
    let names = this.#names.get(sort)
    if (names === undefined || names.ids.size > MAX_NAMES) {
      names = new Names()
      this.#names.set(sort, names)
    }
    return names
  }

  /** What one transaction reads and adds. `keep` remembers it, once that is committed. */
  branch(): { of: (sort: Sort) => Names; keep: () => void } {
    const losses = this.#countLosses()
    const own = new Map<Sort, Names>()
    return {
      of: (sort) => {
        let names = own.get(sort)
        if (names === undefined) {
          names = new Names(this.of(sort))
          own.set(sort, names)
        }
        return names
      },
      keep: () => {
        if (this.#countLosses() !== losses) return
        for (const [sort, { ids }] of own) for (const [name, id] of ids) this.of(sort).add({ id, name })
      },
    }
  }
}

/** @param of what is remembered; what is read and added with `run` is remembered there */
export function createDictionary(of: (sort: Sort) => Names, run: Run): Dictionary {
  return {
    async ids(sort, names) {
      const known = of(sort)
      const unknown = new Set<string>()
      for (const name of names) if (name !== null && known.idOf(name) === undefined) unknown.add(name)
      if (unknown.size > 0) for (const entry of await addNames(run, sort, unknown)) known.add(entry)
      return known.toId
    },
    async names(sort, ids) {
      const known = of(sort)
      const unknown = new Set<number>()
      for (const id of ids) if (id !== null && known.nameOf(id) === undefined) unknown.add(id)
      if (unknown.size > 0) for (const entry of await findNames(run, sort, unknown)) known.add(entry)
      return known.toName
    },
  }
}

async function addNames(run: Run, sort: Sort, names: ReadonlySet<string>): Promise<Entry[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const entries = await run<Entry>(ADD, [sort, textArray([...names]), attempt * SPREAD])
    if (entries.length === names.size) return entries
  }
  throw new Error(`the dictionary takes no names of the sort ${sort}`)
}

function findNames(run: Run, sort: Sort, ids: ReadonlySet<number>): Promise<Entry[]> {
  return run<Entry>(FIND, [sort, integerArray([...ids])])
}
