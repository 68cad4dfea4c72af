import { EVENT_OF } from '../key/draft-change.ts'
import type { KeyRow } from '../key/key.ts'
import { type KeyState, mayHaveBecome } from '../key/key-state.ts'
import { KeyRegistryError } from '../key/registry-manifest.ts'

/** The states that end a key, by the event that says so. */
const STATE_OF = new Map<string, KeyState>(
  (['deactivated', 'compromised', 'destroyed'] as const).map((state) => [EVENT_OF[state], state]),
)

/**
 * Compares a registry with the events of keys in the log. A process that has just started has seen no registry before,
 * and the rows alone may be those of an old backup, signed again with its keys: a key that has ended in the log has
 * ended.
 *
 * @param events read before the registry, which may be newer than they are
 * @throws {KeyRegistryError} naming the keys
 */
export function requireStatesOfLog(
  keys: readonly Pick<KeyRow, 'id' | 'purpose' | 'state'>[],
  events: readonly { type: string; key: string }[],
): void {
  const rows = new Map(keys.map((row) => [row.id, row]))
  const found = new Set<string>()
  for (const { type, key } of events) {
    const state = STATE_OF.get(type)
    const row = rows.get(key)
    if (state === undefined || row === undefined || mayHaveBecome(state, row.state)) continue
    found.add(`key ${row.id} (${row.purpose}) is ${row.state}, and was ${state}`)
  }
  if (found.size === 0) return
  throw new KeyRegistryError(
    `the key registry takes back what the audit log says: ${[...found].join('; ')}. Bring back the tables of keys and of the log from one backup.`,
  )
}
