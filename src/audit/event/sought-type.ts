import type { AuditEventType } from './audit-event.ts'

/** The types of events that the vault searches for. The schema gives them these numbers, and an index. */
export const SOUGHT_TYPES = {
  'audit.drop': 1,
  'audit.key': 2,
  'key.create': 3,
  'key.retire': 4,
  'audit.missing': 5,
  'audit.resume': 6,
  'client.revoke': 7,
  'partner.end': 8,
  'staff.disable': 9,
  'staff.enable': 10,
} as const satisfies Partial<Record<AuditEventType, number>>

export type SoughtType = keyof typeof SOUGHT_TYPES

/**
 * SQL for whether an event `e` has one of these types. It contains the numbers, so that the planner takes the index.
 */
export function isSought(...types: readonly SoughtType[]): string {
  return `type IN (${types.map((type) => SOUGHT_TYPES[type]).join(', ')})`
}
