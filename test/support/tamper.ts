import type { TestDatabase } from './postgres.ts'

type Part = 'display' | 'secret'

interface SealedParts {
  display_key_id: string
  display_sealed: Buffer
  secret_key_id: string
  secret_sealed: Buffer
}

/** What a person who controls the database can do to a record: everything but seal. */
export interface Tampering {
  read(token: string): Promise<SealedParts>
  write(token: string, part: Part, sealed: Buffer, keyId?: string): Promise<void>
  /** Flips one bit of the byte at that place; a negative place counts from the end. */
  flip(token: string, part: Part, at: number, bit?: number): Promise<void>
  set(token: string, column: string, value: unknown): Promise<void>
}

export function tamperWith(database: TestDatabase): Tampering {
  const read = async (token: string) => {
    const [row] = await database.sql<SealedParts>('SELECT * FROM readable.records WHERE token = $1', [token])
    if (row === undefined) throw new Error('there is no such record')
    return row
  }
  const set = async (token: string, column: string, value: unknown) => {
    const changed = await database.sql(`UPDATE readable.records SET ${column} = $2 WHERE token = $1 RETURNING 1`, [
      token,
      value,
    ])
    if (changed.length !== 1) throw new Error('there is no such record')
  }
  const write = async (token: string, part: Part, sealed: Buffer, keyId?: string) => {
    await set(token, `${part}_sealed`, sealed)
    if (keyId !== undefined) await set(token, `${part}_key_id`, keyId)
  }
  return {
    read,
    set,
    write,
    async flip(token, part, at, bit = 0) {
      const sealed = Buffer.from((await read(token))[`${part}_sealed`])
      sealed[at < 0 ? sealed.length + at : at]! ^= 1 << bit
      await write(token, part, sealed)
    },
  }
}
