import type { AlertCode } from '../../../src/observability/alert.ts'

const FIND_WHO = 'Find out who can write to the database'

/** What to do about each alert. */
export const ALERT_REMEDIES: Readonly<Record<AlertCode, string>> = {
  'core-dumps': 'Start the vault after `ulimit -c 0`, or with `LimitCORE=0` in its unit',
  'key-registry-changed': `${FIND_WHO}. Put the tables of keys back from one backup; the server opens by itself`,
  'vault-unpinned': 'Let the vault write the file of `STRONGROOM_PIN_FILE`, or set `STRONGROOM_VAULT_ID`',
  'key-expiring': 'Run `keys rotate` for the purpose that the alert names',
  'key-expired': 'Run `keys rotate` now: what would be stored is answered 503 `key-expired`',
  'root-key-unreachable':
    'Look at the KMS, the HSM, the passphrase file or the custodians. The server tries again by itself',
  'issuer-unreachable': 'Look at the identity provider and the network to it. Known keys are used for a day',
  'roles-changed': `${FIND_WHO}, then run \`roles apply\` again`,
  'policies-changed': `${FIND_WHO}. Compare \`policy list\` with the published files, and put the rows of \`privacy_policies\` back`,
  'destinations-changed': `${FIND_WHO}, then run \`destinations apply\` again, or set the secret that the alert names`,
  'role-missing': 'Add the role with `roles apply`, or change the mapping in `STRONGROOM_ISSUERS_FILE`',
  'access-changed': `${FIND_WHO}, then revoke the client or end the contract and add another`,
  'refusal-removed': `${FIND_WHO}. The caller stays refused until \`staff enable\` or \`access lift\``,
  'access-ledger-changed': `${FIND_WHO}. Put the table back, or run \`access rebuild\` and review all access`,
  'budget-nearly-spent': 'Look at what the caller reads, with `audit list --caller`',
  'caller-suspended': 'Look at what the caller read, then run `access lift` if it may continue',
  'card-testing': 'Look at the checkout and the source addresses; limit cards a minute with `STRONGROOM_CARDS_PER_…`',
  'approval-changed': `${FIND_WHO}. The caller asks again`,
  'glass-broken': 'A second person reviews the release: `POST /v1/approvals/{id}/review`',
  'card-numbers-searched': 'Look at what the caller searches for, with `audit list --caller`',
  'record-guessed': 'Look at the caller, with `audit list --token`',
  'records-probed': 'Look at the caller. It is refused until the time is over, or until `access lift`',
  'refusals-flooded': 'Look at the source addresses in the event, and block them before the vault',
  'schema-changed': `${FIND_WHO}. Put the schema back, or accept it with \`migrate --accept-schema\``,
  'audit-unsequenced': 'Look for a server that keeps the log: its errors say why it does not',
  'audit-log-changed':
    'Restart nothing and copy the database. Then run `audit verify` with keys and checkpoints from outside',
  'audit-months-missing': 'End the session that holds the log, or run `migrate` if events are in the default partition',
  'audit-events-astray': 'Run `migrate`',
  'audit-unavailable': 'Look at the database: disk, connections, permissions and triggers',
  'audit-missing': 'Look for triggers, rules and policies. When the cause is known, run `audit resume`',
  'audit-forged': `${FIND_WHO}. Run \`audit verify\` and \`records verify\``,
  'audit-witness-unreachable': 'Look at the target that the alert names, and at the network to it',
  'audit-witness-refuses': 'Compare the log with the checkpoints of the witness, with `audit verify --checkpoint`',
  'restored-backup': 'Run `restore apply` with the newer log, or `restore waive`',
  'restore-forged': `${FIND_WHO}. Run \`restore apply\` or \`restore waive\` yourself`,
  'erasures-undelivered':
    'Look at the target: its disk, its rights, its program. The lines arrive once it works; `doctor` says how many wait.',
  'erasure-forged':
    'A row of `erasures` was written outside the vault. Find out who may write to the database, and erase the row as its owner.',
  'erased-record-back': 'Erase the record again. Find out who can write to the database',
  'holds-changed':
    'Compare `strongroom retention hold list` with the events `hold.add`. Release the record that was changed, and add its holds again',
  'clock-differs': 'Synchronise the clocks of both machines',
  'client-crl-out-of-date': 'Replace the file of `STRONGROOM_CLIENT_CRL` with a current list',
  'background-task-failed': 'Read the error in the log. The task tries again by itself',
  'database-restarted': 'Read the log of PostgreSQL in the data directory',
  'database-lost': 'Read the log of PostgreSQL in the data directory, then start the vault again',
  'record-integrity': `${FIND_WHO}. Run \`records verify\``,
  'security-code-key-forged': `${FIND_WHO}. The codes that were kept meanwhile are safe`,
  'search-term-changed': `${FIND_WHO}. Run \`records verify\``,
}
