import { isIntactSql, LEAF_HASH, numberSql } from './event-row-store.ts'

/**
 * SQL of the table expression `unproven`: what `audit.unproven` events name. Commands without keys wrote those events, and
 * they have no leaf.
 *
 * @param isAuthentic SQL of whether an event `e` is the vault's
 */
export function unprovenSql(isAuthentic = isIntactSql(LEAF_HASH)): string {
  return `unproven AS MATERIALIZED (
            SELECT id_uuid(split_part(name, ' ', 1)) AS event, decode(split_part(name, ' ', 2), 'hex') AS hash
            FROM (SELECT e.body FROM audit_events e
                  WHERE e.type = ${numberSql('type', "'audit.unproven'")} AND ${isAuthentic} OFFSET 0) AS naming,
              json_array_elements_text(naming.body::json -> 'events') AS name)`
}

/** SQL of whether `unproven` names an event `e` without a leaf, and it is what it was. */
export const IS_UNPROVEN = `EXISTS (SELECT FROM unproven u WHERE u.event = e.id AND ${isIntactSql('u.hash')})`
