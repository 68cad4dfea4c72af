/**
 * An array parameter whose length the planner cannot see, for statements that are run on every request.
 *
 * PostgreSQL keeps the plan of a prepared statement only while a plan for the current values does not look cheaper. For
 * an array with one element it always does, against the ten elements that are assumed for an unknown one; then every
 * run is planned again, which takes several times as long as the run. The planner does not look into a sub-select.
 *
 * A plan that is kept was made for tables of the size that they had then. If that can grow quickly, look rows up one by
 * one (`CROSS JOIN LATERAL`), which uses the primary key from the first row on.
 *
 * @param parameter with its type, such as `$1::uuid[]`
 */
export function opaqueArray(parameter: string): string {
  return `ARRAY(SELECT unnest(${parameter}))`
}
