import type { Queryable } from '../../database/database.ts'
import type { KeyPurpose } from '../key/key.ts'
import type { Row } from '../sealing/sealed-table.ts'
import type { Moving } from './wal.ts'

/** How many values stood on each key, by the key's id. */
export type KeyCounts = ReadonlyMap<string, number>

/** A value that does not open. It stays as it is, under the key that it names. */
export interface DamagedValue {
  column: string
  kind: string
  token: string
}

/** A stretch of a table. */
export interface Page {
  /** Those of its rows that stand on one of the old keys, in the order in which they are best written. */
  rows: readonly Row[]
  /** Where the next stretch begins; undefined behind the last one. */
  next: readonly unknown[] | undefined
}

/** A row made anew under the keys that are active now. */
export interface Reencryption {
  /** Undefined when nothing of the row moves. */
  fresh: Row | undefined
  /** How many of its values move. */
  values: number
  /** How many of them stay where they are, since something of the row does not open. */
  stuck: number
  damaged: readonly DamagedValue[]
  /** How many of them lead to nothing, and are removed instead. */
  orphans: number
}

/**
 * Something that stands on keys and can be moved to others, one page after the other, while the service goes on. Reading
 * a page changes nothing; writing must leave alone every row that is not exactly as it was read.
 */
export interface ReencryptionTarget {
  readonly name: string
  /** The purposes of the keys that it stands on. */
  readonly purposes: readonly KeyPurpose[]
  census(db: Queryable): Promise<KeyCounts>
  /** @param rows how many are written at once; the page may have more */
  readPage(db: Queryable, oldKeys: readonly string[], rows: number, after: Page['next']): Promise<Page>
  /** Makes the row anew under the active keys; no plaintext is left behind. */
  reencrypt(row: Row): Promise<Reencryption>
  /** Writes what was made anew, and counts it for each old key in the same statement; answers with these counts. */
  write(db: Queryable, fresh: readonly Row[]): Promise<KeyCounts>
  /** How many bytes of WAL that writes, as far as can be said before. */
  wal(db: Queryable, moving: Moving): Promise<number>
}
