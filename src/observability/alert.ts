/** Conditions that need a person at once, with the sentence in the log. Codes are never renamed or reused. */
export const ALERTS = {
  'core-dumps': 'core dumps are not off: a crash would write the keys and data in memory to a file',
  'key-registry-changed': 'the tables of keys were changed outside the vault',
  'vault-unpinned':
    'the pin file with the ids of the vault and its root key cannot be written: the next start has to trust the database',
  'key-expiring': 'a key should be rotated soon',
  'key-expired': 'a key is past its cryptoperiod or its uses: rotate it',
  'root-key-unreachable': 'the root key cannot be reached',
  'issuer-unreachable':
    'the keys of an identity provider cannot be fetched; known keys are used until they are a day old',
  'roles-changed': 'the roles were changed outside the vault: they grant nothing until an operator applies them again',
  'policies-changed':
    'the privacy policies were changed outside the vault: no purpose counts as notified until their rows are put back',
  'destinations-changed':
    'the destinations, their receivers or a secret were changed outside the vault: nothing is sent with them until an operator applies or sets them again',
  'role-missing': 'claims of an identity provider are mapped to a role that is not in force: its people are refused',
  'access-changed':
    'a client or a contract was changed outside the vault: it grants nothing; revoke or end it and add another',
  'refusal-removed':
    'the row that disables or suspends a caller was removed outside the vault: the caller stays refused',
  'access-ledger-changed':
    'the access ledger was changed or put back outside the vault: every caller is refused until it is restored or rebuilt',
  'budget-nearly-spent': 'a caller has used 80 % of a budget',
  'caller-suspended': 'a caller was suspended: it went beyond a budget',
  'card-testing': 'more cards arrive in a minute than the limit allows: stolen numbers may be tested',
  'approval-changed': 'an approval or a request for one was changed outside the vault: nothing was released under it',
  'glass-broken': 'a caller released data without waiting for approval: a second person must review it',
  'card-numbers-searched': 'a caller has searched for most of the card numbers that the limit allows in a day',
  'record-guessed': 'many comparisons with a record are wrong: its values may be guessed',
  'records-probed': 'a caller asks for records that do not exist',
  'refusals-flooded': 'unknown callers are refused so often that their refusals share one audit event',
  'schema-changed':
    'the schema of the database was changed outside the vault: nothing is served until it is put back or accepted',
  'audit-unsequenced': 'events wait for their place in the log: no server sequences them',
  'audit-log-changed': 'the audit log was changed outside the vault: nothing is signed on top of it',
  'audit-months-missing':
    'the partitions of the audit log for the coming months cannot be made: a session holds the log, or events are in the default partition',
  'audit-events-astray':
    'events are in the default partition of the audit log, because their month had none: run "strongroom migrate"',
  'audit-unavailable': 'the audit log cannot be written: nothing is released until it can',
  'audit-missing':
    'an audit event was not stored as it was made, or was removed before it came into the log: look for triggers and rules',
  'audit-forged': 'an audit event was not made by the vault, or was changed: it is neither signed nor shown',
  'audit-witness-unreachable': 'checkpoints of the audit log do not arrive at a target',
  'audit-witness-refuses': 'a witness does not sign the audit log: it may have seen another one',
  'restored-backup':
    'the database is older than what the vault has signed: nothing is read until an operator has applied a newer log, or waived it',
  'restore-forged':
    'the database says that an operator answered for a restored backup, but no event of the vault says so: nothing is read',
  'erasures-undelivered':
    'lines of the ledger of erasures do not arrive at a target: a backup from before them would not be noticed there',
  'erasure-forged': 'an order to erase a record was not made by the vault, or was changed: nothing is erased by it',
  'erased-record-back': 'a record that was erased is there again: it was put back outside the vault',
  'holds-changed':
    'a hold was changed, added or removed outside the vault: the records that the access ledger names stay kept',
  'clock-differs':
    'the clocks of this server and of the database are more than a minute apart: set both by the same source',
  'client-crl-out-of-date':
    'the revocation list of client certificates is out of date: they are refused until there is a new one',
  'background-task-failed': 'a background task failed: it keeps trying',
  'database-restarted': 'the embedded database had ended: it was started again',
  'database-lost': 'the embedded database ended and does not start again: the vault ends',
  'security-code-key-forged':
    'a public key for security codes was written into the database outside the vault: no code is encrypted to it',
  'record-integrity': 'a sealed value does not open: it was changed, moved or put back',
  'search-term-changed': 'a search term was changed, moved or put back outside the vault: it finds nothing',
} as const

export type AlertCode = keyof typeof ALERTS

/** What an alert is about: ids, codes and counts, never a value of a record. */
export type AlertFacts = Readonly<Record<string, string | number | undefined>>

/** Raises an alert: a line of level error with the field `alert`, and one more in `strongroom_alerts_total`. */
export type Alert = (code: AlertCode, facts: AlertFacts) => void

/** @param log writes a line of level error */
export function createAlert(
  log: (facts: AlertFacts, message: string) => void,
  count: (code: AlertCode) => void,
): Alert {
  return (code, facts) => {
    count(code)
    log({ alert: code, ...facts }, ALERTS[code])
  }
}

/** Upper bound of remembered alerts. Above it the oldest is forgotten and may be raised again. */
const MAX_TOLD = 1_000

/** Raises an alert once for each piece of news, as long as this process remembers it. */
export function createNewsAlert(alert: Alert): (news: string, ...told: Parameters<Alert>) => void {
  const known = new Set<string>()
  return (news, code, facts) => {
    if (known.has(news)) return
    known.add(news)
    if (known.size > MAX_TOLD) known.delete(known.values().next().value!)
    alert(code, facts)
  }
}
