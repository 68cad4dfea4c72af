import type { AuditFacts } from '../../../src/audit/event/audit-event.ts'
import { auditEventTypes, EVENT_TYPES } from '../../../src/audit/event/event-types.ts'
import { code, page, paragraph, sentence, table } from './markdown.ts'

type Member = keyof AuditFacts | 'at' | 'format' | 'id' | 'made' | 'unproven'

/** What each member of an event says. */
const MEMBERS: Readonly<Record<Member, string>> = {
  account: 'The system account that ran a command, where its operator goes by another name',
  address: 'Of `forward.outcome` the address that the request went to',
  approval: 'The approval under which a release that needs a second person left',
  at: 'When it happened: RFC 3339, UTC, milliseconds',
  authority: 'The authority that asked for the release',
  caller: '`id`, `kind` (`client`, `staff`, `operator` or `vault`) and `role`; absent where the caller is unknown',
  checkpoints:
    'Of `restore.apply` and `restore.waive`: SHA-256 in hexadecimal over the checkpoints outside that the operator answered for, as lines `size root` in ascending order',
  code: 'The code of the problem of a refusal or a failure',
  count: 'How many records a search found, values a rotation moved, or events were counted or read together',
  events:
    'Other events: of `audit.resume` the `audit.missing` events that it answers; of `audit.unproven` those without a MAC, as `id hash`; of `forward.outcome` the `record.forward` events of the request',
  fields:
    'Of a reveal what left (what the record has of the granted fields); of a refusal what was asked for; of a match what was compared; of a correction what changed',
  format: 'The version of this form: 1. New members may come; a member that exists keeps its meaning',
  id: 'The id of the event, `evt_…`; it begins with the time',
  kind: 'The kind of the record: `card`, `address` or `contact`',
  made: 'The process that made the event (`process`), its number there (`number`), below which number all are settled (`settled`), and the ranges `skipped` and `lost`',
  migrations: 'The names of the migrations that were applied',
  milliseconds: 'Of `forward.outcome` how long the destination took',
  minimum_index: 'The first entry that bundles of the log still publish',
  missing: 'Of `audit.missing` and `audit.resume`: numbers that have no event, as `process/first-last`',
  note: 'What came of a finding of the review, in the words of a person; in the clear',
  outcome: '`success`, `refused` or `failed`',
  partner: 'The third party that the release is a disclosure to',
  policy_version: 'The version of the privacy policy that the shopper was shown',
  public_key: 'The raw bytes of an Ed25519 public key, base64',
  purpose: 'What the data were used for',
  ranges: 'Places in the log that are empty since a drop, as `first-last`',
  reason:
    'Of a refused log-in why the client was not believed; of `key.reopen`, `hold.add` and `restore.waive` why the operator did it; of an erasure `request`, `retention` or `consent-withdrawn`. The reason of a release is sealed and is not here',
  record_version: 'The version of the record',
  replay_of: 'The event that a replayed answer repeats, or that `restore apply` does again',
  request_id: 'The id of the request, as in the header `Request-Id`',
  route: 'Of a refusal what was called, `none` where no route took it; of a failed command its name',
  schema: 'SHA-256 in hexadecimal of the schema that a migration made, or of the differences that were accepted',
  search_by: 'What was searched by: `customer`, `email`, `phone` or `card_number`',
  since: 'RFC 3339: the beginning of a time in which the log could not be written, or refusals were counted',
  site: 'The site of the record or the caller; absent where the event concerns the whole vault',
  source:
    'Where it comes from: an IP address (behind a trusted proxy the one that the proxy names); of a session of a shopper its /24 or /48; of an operator the address of the SSH session; otherwise `host:` and the name of the machine',
  sources: 'Up to twenty networks of refusals that were counted together',
  status: 'Of `forward.outcome` the status that the destination answered with',
  subject:
    'What is acted on: a client, person, key, finding; of a refused log-in the client that was claimed, where it exists',
  ticket: 'The ticket or case that asked for it',
  token: 'The record',
  tokens: 'The records that a search or a list of approvals showed',
  type: 'One of the types below',
  unproven: 'True: a command without keys wrote it, and nothing vouches for it',
  until: 'RFC 3339: the end of such a time, or the month before which events were dropped',
  vouched: 'True: a command without keys wrote it, and the vault found the state that it describes',
}

/** Every type of event and every member, from `src/audit/event/event-types.ts`. */
export function auditEventsPage(): string {
  const types = auditEventTypes.map((type) => [code(type), sentence(EVENT_TYPES[type])])
  const members = (Object.keys(MEMBERS) as Member[]).sort().map((name) => [code(name), sentence(MEMBERS[name])])
  return page('Audit events', [
    paragraph(`Every release, look-up, change and refusal leaves an event. It is committed together with what it describes,
      before anything leaves the vault. An event is JSON in canonical form (RFC 8785). It names callers, records, purposes and
      fields, and holds no value of a shopper: nothing in it has to be erased.
      [What the audit log proves](../explanation/what-the-audit-log-proves.md) explains how events are kept, and
      [log format](log-format.md) describes the bytes.`),
    '```sh\nstrongroom audit list --type record.tokenize --limit 5\nstrongroom audit export --type record.tokenize --format jsonl\n```',
    '## Types',
    table(['Type', 'Meaning'], types),
    '## Members',
    paragraph(`Only \`at\`, \`format\`, \`id\`, \`made\`, \`outcome\` and \`type\` are in every event that this version writes.
      Other members are absent where they do not apply.`),
    table(['Member', 'Meaning'], members),
    '## Refusals and failures',
    paragraph(`\`request.refuse\` is also written for a path or method that does not exist (with a valid token), for a URL that
      cannot be decoded or holds a credential (without the URL), and for an answer of status 5xx, with outcome \`failed\`. A
      command that fails leaves one too, with its name as \`route\` and the reason as \`code\`.`),
    paragraph(`Refusals of unknown callers beyond \`STRONGROOM_REFUSALS_PER_SOURCE\` a minute for one source address, or
      \`STRONGROOM_REFUSALS_IN_ALL\` for all, are answered 429 and share one event a minute in each process, with \`count\`,
      \`since\`, \`until\` and \`sources\`. Requests with a valid token never meet that 429. A process that crashes loses what it
      counted in its last minute. Health checks that answer 503 leave no event.`),
    paragraph(`A replayed answer of a checkout or a batch leaves one \`request.replay\` for each event of the first time. A
      repeated reveal, match or search looks again and leaves an event of its own type with \`replay_of\`.`),
  ])
}
