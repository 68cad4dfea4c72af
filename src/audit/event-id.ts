import { base32 } from '../identifier.ts'

const LATEST_MS = 2 ** 48 - 1

/** What sorts before the id of every event of that time, and behind those of all earlier ones. */
export function eventIdAt(at: Date): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(Math.min(Math.max(at.getTime(), 0), LATEST_MS), 0, 6)
  return `evt_${base32(bytes)}`
}
