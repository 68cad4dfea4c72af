import type { AuditEventType } from './audit-event.ts'

/** The types of events that the vault looks for by itself. The first migration gives them these numbers, and an index. */
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

/** SQL of whether an event `e` is of one of these types. The numbers stand in it, so that the planner takes the index. */
export function isSought(...types: readonly SoughtType[]): string {
  return `type IN (${types.map((type) => SOUGHT_TYPES[type]).join(', ')})`
}
