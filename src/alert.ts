/** What somebody must be woken for, with the sentence that the log says about it. Codes are never renamed or reused. */
export const ALERTS = {
  'core-dumps': 'core dumps are not off: a crash would write the keys and data in memory to a file',
  'key-registry-changed': 'the tables of keys were changed by somebody else',
  'vault-unpinned':
    'which vault this is, and which root key it has, cannot be written down: the database alone says it at the next start',
  'key-expiring': 'a key should be rotated soon',
  'key-expired': 'a key is past its cryptoperiod or its uses: rotate it',
  'root-key-unreachable': 'the root key cannot be reached',
  'issuer-unreachable': 'the keys of an identity provider cannot be fetched; those that are known go on',
  'roles-changed': 'the roles were changed by somebody else: they grant nothing until an operator applies them again',
  'role-missing': 'claims of an identity provider are mapped to a role that is not in force: its people are refused',
  'access-changed':
    'a client or a contract was changed by somebody else: it grants nothing until an operator makes it anew',
  'refusal-removed': 'somebody else took away the row that disables or suspends a caller: the caller stays refused',
  'access-ledger-changed':
    'the ledger of access was changed or put back by somebody else: nobody is let in until it is brought back',
  'budget-nearly-spent': 'a caller has seen most of the records that its role allows for now',
  'caller-suspended': 'a caller was suspended: it asked for more records than its role allows',
  'card-testing': 'more cards arrive than one minute may bring: somebody may be trying numbers',
  'approval-changed':
    'an approval, or a request for one, was changed by somebody else than the vault: nothing left under it',
  'glass-broken': 'a caller released data without waiting for approval: somebody must review it',
  'card-numbers-searched': 'a caller has searched for most of the card numbers that one day allows',
  'record-guessed': 'comparisons with a record go wrong again and again: somebody may be guessing what it holds',
  'records-probed': 'a caller asks for records that do not exist',
  'refusals-flooded': 'unknown callers are refused so often that their refusals are counted together in the log',
  'schema-changed':
    'the schema of the database was changed by somebody else: nothing is served until it is put back or accepted',
  'audit-unsequenced': 'events wait for their place in the log: no server puts them there',
  'audit-log-changed': 'the audit log was changed by somebody else: nothing is signed on top of it',
  'audit-months-missing':
    'the partitions of the audit log for the months to come cannot be made: somebody holds the log, or events are astray',
  'audit-events-astray':
    'events lie in the default partition of the audit log, since their month had none: run "strongroom migrate"',
  'audit-unavailable': 'the audit log cannot be written: nothing is released until it can',
  'audit-missing':
    'an audit event was not stored as it was made, or is gone before it came into the log: look for triggers and rules',
  'audit-forged': 'an audit event was not made by the vault, or was changed: it is neither signed nor shown',
  'audit-witness-unreachable': 'checkpoints of the audit log do not arrive where they are shipped to',
  'audit-witness-refuses': 'a witness does not sign the audit log: it may have seen another one',
  'restored-backup':
    'the database is older than what the vault has signed: nothing is read until an operator has applied a newer log, or waived it',
  'restore-forged':
    'the database says that an operator has answered for a restored backup, and no event of the vault does: nothing is read',
  'clock-differs':
    'the clocks of this server and of the database are more than a minute apart: set both by the same source',
  'client-crl-out-of-date':
    'the revocation list of client certificates is out of date: they are refused until there is a new one',
  'background-task-failed': 'something that the server does by itself has failed: it goes on trying',
  'database-restarted': 'the embedded database had ended: it was started again',
  'database-lost': 'the embedded database has ended and does not start again: the vault ends',
  'record-integrity': 'a sealed value does not open: it was changed, moved or put back',
  'search-term-changed': 'a search term was changed, moved or put back by somebody else: it finds nothing',
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

/** What whoever asks again and again is told of once. Beyond it the oldest would be told again. */
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
