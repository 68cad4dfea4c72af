import type { ComparedSchema } from './compare-schema.ts'

/**
 * What the vault vouches for is among the marks of the key registry's manifest: under its MAC, and under a generation
 * that only grows, so that neither can be written or put back with the database alone.
 */
const MIGRATED = 'migrated '
const ACCEPTED = 'accepted-schema '

/** Remembers that the schema of that hash is what the migrations up to the named one make. */
export function migratedMark(migration: string, schema: string): string {
  return `${MIGRATED}${migration} ${schema}`
}

/** Remembers that an operator has accepted the differences of that hash. */
export function acceptedMark(hash: string): string {
  return `${ACCEPTED}${hash}`
}

/** The marks that such a mark replaces. */
export function marksBefore(mark: string, marks: readonly string[]): string[] {
  const kind = mark.startsWith(MIGRATED) ? MIGRATED : ACCEPTED
  return marks.filter((other) => other.startsWith(kind) && other !== mark)
}

/** The latest migration whose event was written; empty if there was none. */
export function recordedMigration(marks: readonly string[]): string {
  return marks.find((mark) => mark.startsWith(MIGRATED))?.split(' ')[1] ?? ''
}

/** Whether a schema that is not the shipped one was made by a later version's migrations, or accepted. */
export function isVouchedFor(
  { schema, hash }: Pick<ComparedSchema, 'schema' | 'hash'>,
  marks: readonly string[],
): boolean {
  return marks.some((mark) => mark === acceptedMark(hash) || (mark.startsWith(MIGRATED) && mark.endsWith(` ${schema}`)))
}
