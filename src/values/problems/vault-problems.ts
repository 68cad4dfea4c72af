import type { ProblemEntry } from './problem-entry.ts'

/** What may be wrong with the vault itself. */
export const vaultProblems = {
  'record-integrity': {
    kind: 'failed',
    title: 'The record failed its integrity check',
    meaning: 'A stored value does not open: its bytes, its row or its place was changed. Nothing was released.',
    remedy: 'Tell the operator of the vault. "records verify" says what was changed.',
  },
  internal: {
    kind: 'failed',
    title: 'Something went wrong',
    meaning: 'Something failed that the vault did not expect.',
    remedy: 'Tell the operator of the vault. The log of the server has the error under this request_id.',
  },
  'database-unavailable': {
    kind: 'unavailable',
    title: 'The database cannot be reached',
    meaning: 'The database cannot be reached, or it did not answer in time.',
    remedy: 'Send the request again after the time in Retry-After.',
  },
  'log-pending': {
    kind: 'unavailable',
    title: 'The event is not in the audit log yet',
    meaning: 'The event is not in the audit log yet, or the log has no checkpoint yet.',
    remedy: 'Send the request again after the time in Retry-After.',
  },
  'schema-changed': {
    kind: 'unavailable',
    title: 'The schema of the database was changed outside the vault',
    meaning: 'The schema of the database differs from the one that this version ships. Nothing is served.',
    remedy: 'An operator puts it back, or accepts it with "migrate --accept-schema".',
  },
  'audit-unavailable': {
    kind: 'unavailable',
    title: 'The audit log cannot be written',
    meaning: 'The audit log cannot be written, or events are missing. Nothing is released without its event.',
    remedy: 'Tell the operator of the vault. After missing events the operator runs "audit resume".',
  },
  'audit-log-changed': {
    kind: 'unavailable',
    title: 'The audit log is not the one that the vault signed',
    meaning: 'The audit log is not the one that the vault signed.',
    remedy: 'Tell the operator of the vault. "audit verify" says what was changed.',
  },
  'restored-backup': {
    kind: 'unavailable',
    title: 'The database is older than what the vault has signed',
    meaning: 'A checkpoint or the ledger of erasures outside is newer than the database. Nothing is read from it.',
    remedy: 'An operator runs "restore apply" with the newer log and the ledger of erasures, or "restore waive".',
  },
  'issuer-unavailable': {
    kind: 'unavailable',
    title: 'The identity provider cannot be reached',
    meaning: 'The keys of the identity provider that issued this token cannot be fetched.',
    remedy: 'Send the request again after the time in Retry-After.',
  },
  sealed: {
    kind: 'unavailable',
    title: 'The vault is sealed',
    meaning: 'The vault has no root key, or its tables of keys or its access ledger were changed.',
    remedy: 'An operator opens the vault, or puts the tables back. It serves again by itself.',
  },
  'key-expired': {
    kind: 'unavailable',
    title: 'The key that protects this has expired',
    meaning: 'The key that would protect what is stored is past its time or its number of uses.',
    remedy: 'An operator runs "keys rotate". Calls that store nothing are still answered.',
  },
  busy: {
    kind: 'unavailable',
    title: 'The vault is busy',
    meaning: 'The vault has as much under way as it takes, for this caller or in all.',
    remedy: 'Send the request again after the time in Retry-After.',
  },
  'shutting-down': {
    kind: 'unavailable',
    title: 'The vault is shutting down',
    meaning: 'This server is stopping.',
    remedy: 'Send the request again on a new connection: another server, or this one after its restart, answers.',
  },
} as const satisfies Record<string, ProblemEntry>
