import { eventUuidAt } from '../event/event-id.ts'
import { numberSql } from '../event/event-row-store.ts'

export interface EventFilter {
  /** Only events of this site, and those of the whole vault; all of them if undefined. */
  site?: string | undefined
  caller?: string | undefined
  token?: string | undefined
  /** Only events of one of these records, or that showed one of them. */
  tokens?: readonly string[] | undefined
  type?: string | undefined
  purpose?: string | undefined
  /** Only events that were made at that time or later. */
  since?: Date | undefined
  /** Only events that were made before. */
  until?: Date | undefined
}

/**
 * The records that an event of many names. In the canonical form the quotation marks inside a text are escaped, so what is found
 * is the member itself. There is an index over the same expression.
 */
const SHOWN = `string_to_array(substring(body, '"tokens":\\["([^]]*)"\\]'), '","')`
const isShown = (condition: string) => `strpos(body, '"tokens":["') > 0 AND ${SHOWN} ${condition}`

const IS_WANTED = {
  site: (value: string) => `(site IS NULL OR site = ${numberSql('site', value)})`,
  caller: (value: string) => `caller = ${numberSql('caller', value)}`,
  token: (value: string) => `(token = (SELECT id_uuid(${value})) OR ${isShown(`@> ARRAY[${value}]::text[]`)})`,
  tokens: (value: string) =>
    `(token = ANY (ARRAY(SELECT id_uuid(t) FROM unnest(${value}::text[]) AS w (t))) OR ${isShown(`&& ${value}::text[]`)})`,
  type: (value: string) => `type = ${numberSql('type', value)}`,
  purpose: (value: string) => `purpose = ${numberSql('purpose', value)}`,
  since: (value: string) => `id >= ${value}`,
  until: (value: string) => `id < ${value}`,
} as const satisfies Record<keyof EventFilter, (value: string) => string>

/**
 * The conditions of a filter, each with an AND before it, with their values from parameter `$first` on, and a name for
 * the statement that contains them. A condition is there or is left out: every plan fits all values, and prunes the
 * partitions.
 */
export function eventConditions(filter: EventFilter, first: number): { name: string; sql: string; values: unknown[] } {
  const wanted = (Object.keys(IS_WANTED) as (keyof EventFilter)[]).filter((name) => filter[name] !== undefined)
  return {
    name: wanted.map((name) => `-${name}`).join(''),
    sql: wanted.map((name, at) => ` AND ${IS_WANTED[name](`$${first + at}`)}`).join(''),
    values: wanted.map((name) => {
      const value = filter[name]
      return value instanceof Date ? eventUuidAt(value) : value
    }),
  }
}
