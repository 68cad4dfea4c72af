import { base32, idOfUuid, uuidOf } from '../../values/identifier.ts'

const LATEST_MS = 2 ** 48 - 1

/** Sorts before the id of every event of that time, and after all earlier ones. */
export function eventIdAt(at: Date): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(Math.min(Math.max(at.getTime(), 0), LATEST_MS), 0, 6)
  return `evt_${base32(bytes)}`
}

/** The same, as the column of ids has it. */
export function eventUuidAt(at: Date): string {
  return uuidOf(eventIdAt(at))!
}

/** The id of an event from the column of ids. */
export const eventIdOf = (uuid: string): string => idOfUuid('evt', uuid)

/** What the column of ids has of an event; null for a text that is not the id of an event. Null equals nothing. */
export function eventUuidOf(id: string): string | null {
  return id.startsWith('evt_') ? (uuidOf(id) ?? null) : null
}
