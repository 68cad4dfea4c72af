import { integerArray, textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'

const ADD: Statement = {
  name: 'add-visit-counts',
  text: `INSERT INTO visit_counts (day, measure, count)
         SELECT $1::date, measure, count FROM unnest($2::text[], $3::integer[]) AS n (measure, count) ORDER BY measure
         ON CONFLICT (day, measure) DO UPDATE SET count = visit_counts.count + excluded.count`,
}
const SELECT: Statement = {
  name: 'select-visit-counts',
  text: `SELECT day::text, measure, count::float8 FROM visit_counts
         WHERE ($1::date IS NULL OR day >= $1) AND ($2::date IS NULL OR day < $2) ORDER BY day, measure`,
}

/** Adds to the counts of a day. */
export async function addVisitCounts(
  db: Queryable,
  { day, counts }: { day: string; counts: ReadonlyMap<string, number> },
): Promise<void> {
  await db.query(ADD, [day, textArray([...counts.keys()]), integerArray([...counts.values()])])
}

export interface VisitCount {
  day: string
  measure: string
  count: number
}

/** @param since the first day, and `until` the day after the last one, as YYYY-MM-DD */
export function selectVisitCounts(db: Queryable, since?: string, until?: string): Promise<VisitCount[]> {
  return db.query(SELECT, [since ?? null, until ?? null])
}
