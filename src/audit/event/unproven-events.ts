import { BODY_HASH, isIntactSql, LEAF_HASH, numberSql } from './event-row-store.ts'

/**
 * SQL of the table expression `unproven`: the `audit.unproven` events, which name what commands without keys wrote. That has
 * no leaf.
 *
 * @param isAuthentic SQL of whether an event `e` is the vault's
 */
export function unprovenSql(isAuthentic = isIntactSql(LEAF_HASH)): string {
  return `unproven AS MATERIALIZED (
            SELECT e.body FROM audit_events e
            WHERE e.type = ${numberSql('type', "'audit.unproven'")} AND ${isAuthentic})`
}

/** SQL of whether `unproven` names an event `e` without a leaf, and it is what it was. Its name ends with its hash. */
export const IS_UNPROVEN = `CASE WHEN EXISTS (SELECT FROM unproven u WHERE strpos(u.body, ' ' || encode(${BODY_HASH}, 'hex') || '"') > 0)
                             THEN ${isIntactSql(BODY_HASH)} ELSE false END`
