import type { Queryable } from '../../database/database.ts'
import type { KeyPurpose } from '../key/key.ts'
import type { Row } from '../sealing/sealed-table.ts'
import type { Moving } from './wal.ts'

/** How many values each key had, by the key's id. */
export type KeyCounts = ReadonlyMap<string, number>

/** A value that does not open. It stays as it is, under the key that it names. */
export interface DamagedValue {
  column: string
  kind: string
  token: string
}

/** A stretch of a table. */
export interface Page {
  /** Those of its rows that are under one of the old keys, in the order in which they are best written. */
  rows: readonly Row[]
  /** Where the next stretch begins; undefined after the last one. */
  next: readonly unknown[] | undefined
}

/** A row re-encrypted under the keys that are active now. */
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
 * Values under keys that can be moved to other keys, one page after the other, while the vault serves. Reading a page
 * changes nothing; writing must leave alone every row that is not exactly as it was read.
 */
export interface ReencryptionTarget {
  readonly name: string
  /** The purposes of its keys. */
  readonly purposes: readonly KeyPurpose[]
  census(db: Queryable): Promise<KeyCounts>
  /** @param rows how many are written at once; the page may have more */
  readPage(db: Queryable, oldKeys: readonly string[], rows: number, after: Page['next']): Promise<Page>
  /** Re-encrypts the row under the active keys; no plaintext stays in memory. */
  reencrypt(row: Row): Promise<Reencryption>
  /**
   * Writes the re-encrypted rows, and counts them for each old key in the same statement; answers with these counts.
   */
  write(db: Queryable, fresh: readonly Row[]): Promise<KeyCounts>
  /** How many bytes of WAL that writes, as far as can be said before. */
  wal(db: Queryable, moving: Moving): Promise<number>
}
