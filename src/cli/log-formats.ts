import type { DroppedLeaf, LogEntry } from '../audit/delivery/log-page-store.ts'
import { toOcsf } from '../audit/delivery/ocsf-event.ts'
import type { DeliveredCheckpoint } from '../audit/delivery/proof-store.ts'
import { version } from '../config/version.ts'
import { csvLine } from './comma-separated.ts'

/** How the log leaves the vault. */
export interface LogFormat {
  /** The text before all entries. */
  head: string
  /** One event, without the end of its line. */
  format(entry: LogEntry): string
  /** Whether a changed event stays in, for verifiers. Formats for other readers leave it out. */
  keepsChanged?: true
  /** The place of a dropped event, for verifiers. Formats for other readers have none. */
  formatDropped?(leaf: DroppedLeaf): string
  /** The checkpoint over the leaves before it, in the same way. */
  formatCheckpoint?(checkpoint: DeliveredCheckpoint): string
  lineEnd: string
}

/** Facts that have a column of their own, in the order of the columns; `caller` has three. */
const COLUMNS = [
  ...['at', 'id', 'type', 'outcome', 'site', 'token', 'kind', 'purpose', 'fields', 'code', 'route', 'request_id'],
  ...[
    'subject',
    'count',
    'partner',
    'approval',
    'ticket',
    'search_by',
    'policy_version',
    'record_version',
    'replay_of',
    'source',
    'tokens',
  ],
] as const

export const logFormats = {
  /** One JSON document a line; `event` is in its canonical form, byte for byte. `audit verify --log` reads it. */
  jsonl: {
    head: '',
    keepsChanged: true,
    format: ({ sequence, body }) => `{"sequence":${sequence},"event":${body}}`,
    formatDropped: ({ sequence, event, hash }) =>
      JSON.stringify({ sequence, id: event, hash: hash.toString('base64') }),
    formatCheckpoint: ({ note }) => JSON.stringify({ checkpoint: note }),
    lineEnd: '\n',
  },
  /** RFC 4180. Members without a column are in the last one, as JSON. */
  csv: {
    head: `${csvLine(['sequence', 'caller', 'caller_kind', 'caller_role', ...COLUMNS, 'others'])}\r\n`,
    format: ({ sequence, body }) => {
      const { caller, format: _format, ...facts } = JSON.parse(body) as ParsedEvent
      const cells = COLUMNS.map((name) => {
        const value = facts[name]
        delete facts[name]
        return Array.isArray(value) ? value.join(' ') : value
      })
      const others = Object.keys(facts).length === 0 ? '' : JSON.stringify(facts)
      return csvLine([sequence, caller?.id, caller?.kind, caller?.role, ...cells, others])
    },
    lineEnd: '\r\n',
  },
  /** One event of the Open Cybersecurity Schema Framework a line. */
  ocsf: {
    head: '',
    format: ({ sequence, body }) => JSON.stringify(toOcsf(body, sequence, version)),
    lineEnd: '\n',
  },
} as const satisfies Record<string, LogFormat>

export type LogFormatName = keyof typeof logFormats

interface ParsedEvent {
  caller?: { id: string; kind: string; role?: string }
  [fact: string]: unknown
}

/** A page of the log as text, in the order of the log. */
export function formatPage(
  format: LogFormat,
  entries: readonly LogEntry[],
  dropped: readonly DroppedLeaf[],
  checkpoints: readonly DeliveredCheckpoint[] = [],
): string {
  const { formatDropped, formatCheckpoint, keepsChanged } = format
  const kept = entries.filter(({ isChanged }) => keepsChanged || !isChanged)
  const lines = kept.map((entry) => ({ place: entry.sequence, text: format.format(entry) }))
  if (formatDropped) for (const leaf of dropped) lines.push({ place: leaf.sequence, text: formatDropped(leaf) })
  // After its last leaf, before the next.
  if (formatCheckpoint)
    for (const one of checkpoints) lines.push({ place: one.size - 0.5, text: formatCheckpoint(one) })
  lines.sort((one, other) => one.place - other.place)
  return lines.map(({ text }) => text + format.lineEnd).join('')
}
