import { createPublicKey } from 'node:crypto'
import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import { findRecordEvents } from '../../audit/event/event-lookup-store.ts'
import { findLoggedEvent } from '../../audit/event/event-row-store.ts'
import { rawPublicKey } from '../../audit/formats/signed-note.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import type { Database } from '../../database/database.ts'
import type { KeyRow } from '../../keys/key/key.ts'
import { type SignedStatement, signStatement } from '../../keys/lifecycle/sign-statement.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { isErased } from '../../records/change/record-change-store.ts'
import { kindNameOf, parseToken, type Token } from '../../records/record/token.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { VaultLedger } from './erasure-ledger.ts'
import { findErasures, findLife } from './erasure-store.ts'
import { hashOfToken } from './ledger-line.ts'

/** There is nothing to certify yet; the message says why. */
class NotErased extends VaultError {
  override readonly name = 'NotErased'
}

/** A data key that may have sealed the record. Times are RFC 3339 in UTC. */
interface KeyOfItsTime {
  id: string
  purpose: string
  state: string
  /** When it stopped protecting; null while it protects. */
  retired_at: string | null
  destroyed_at: string | null
}

/** What the vault states of a record that it has erased. */
interface ErasureStatement {
  format: 1
  /** The vault: the issuer of its access tokens. */
  issuer: string
  token: string
  /** As the ledger outside names the record. */
  token_sha256: string
  kind: string
  reason: string
  ordered_at: string
  erased_at: string
  /** The audit event of the erasure. */
  event: string
  /** How long backups live, as the operator has configured it. */
  backup_days: number
  /** The data keys under which the record may have been sealed. */
  keys: KeyOfItsTime[]
  /** The day after which no backup can open the record; null while a key of its time still protects. */
  unreadable_after: string | null
}

export interface ErasureCertificate extends SignedStatement {
  statement: ErasureStatement
}

export interface CertifyErasureDeps {
  database: Database
  keys: Pick<Keys, 'active' | 'ensureFresh' | 'refresh' | 'verified'>
  ledger: Pick<VaultLedger, 'entryOf'>
  authenticity: EventAuthenticity
  newAuditEvent: NewAuditEvent
  issuer: string
  /** How many days backups live. */
  backupDays: number | undefined
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * States, under the vault's signature, that a record is erased, and from which day on no backup can open it: every data
 * key of its time is retired, and backups from before are gone. The database is looked at for it.
 *
 * @throws {NotErased}
 */
export async function certifyErasure(
  deps: CertifyErasureDeps,
  operator: AuditCaller,
  text: string,
): Promise<ErasureCertificate> {
  const { database, keys, issuer, backupDays, newAuditEvent } = deps
  const token = parseToken(text)
  if (token === undefined) throw new NotErased('this is not a token.')
  if (backupDays === undefined) {
    throw new NotErased('it is not known how long backups live: set STRONGROOM_BACKUP_DAYS to the days.')
  }
  await keys.refresh()
  const { reason, orderedAt, createdAt } = await findErasure(deps, token)
  const { id: event, at: erasedAt } = await findEvent(deps, token)
  const since = new Date(Math.min(Number(createdAt), Number(erasedAt)))
  const ofItsTime = keys.verified.keys.filter((key) => mayHaveSealed(key, since, erasedAt)).map(described)
  const kind = kindNameOf(token)
  const statement: ErasureStatement = {
    format: 1,
    issuer,
    token,
    token_sha256: hashOfToken(token).toString('hex'),
    kind,
    reason,
    ordered_at: orderedAt.toISOString(),
    erased_at: erasedAt.toISOString(),
    event,
    backup_days: backupDays,
    keys: ofItsTime,
    unreadable_after: unreadableAfter(erasedAt, ofItsTime, backupDays),
  }
  await keys.ensureFresh()
  const signed = signStatement(keys, 'strongroom-erasure-certificate', statement)
  const public_key = rawPublicKey(createPublicKey(signed.public_key)).toString('base64')
  const facts = { type: 'erasure.certify', outcome: 'success', caller: operator, token, kind } as const
  await insertEvents(database, [newAuditEvent({ ...facts, public_key })])
  return { statement, ...signed }
}

async function findErasure({ database, ledger }: CertifyErasureDeps, token: Token) {
  const [row] = await findErasures(database, [hashOfToken(token)])
  const entry = row && ledger.entryOf(row)
  const life = await findLife(database, token)
  if (life === undefined) throw new NotErased('there is no such record.')
  if (row?.done_at == null || life.erased_at === null) {
    throw new NotErased(
      row === undefined ? 'the record is not erased.' : 'the erasure of the record is postponed or under way.',
    )
  }
  if (entry === undefined) throw new NotErased('the line of the record in the ledger is not what the vault wrote.')
  if (!(await isErased(database, token))) throw new NotErased('something of the record is left: erase it again.')
  return { reason: entry.reason, orderedAt: entry.at, createdAt: life.created_at }
}

/**
 * The event says when it was: the row of the record has no MAC any more, and could name an earlier day.
 *
 * @throws {NotErased} when the log does not say it
 */
async function findEvent(
  { database, authenticity }: CertifyErasureDeps,
  token: Token,
): Promise<{ id: string; at: Date }> {
  const id = (await findRecordEvents(database, 'record.erase', [token])).get(token)
  const row = id === undefined ? undefined : await findLoggedEvent(database, id)
  if (row === undefined || (await authenticity.judge(row, database)) !== 'authentic') {
    throw new NotErased('the audit log has no event of the erasure: it was dropped, or changed.')
  }
  return { id: row.id, at: new Date((JSON.parse(row.body) as { at: string }).at) }
}

/** Whether a data key protected at some time in the life of the record. */
function mayHaveSealed(key: KeyRow, createdAt: Date, erasedAt: Date): boolean {
  const { purpose, activated_at } = key
  const isDataKey = purpose === 'display' || purpose === 'secret'
  const retired = retiredAt(key)
  return isDataKey && activated_at !== null && activated_at <= erasedAt && (retired === null || retired >= createdAt)
}

const retiredAt = (key: KeyRow): Date | null => key.deactivated_at ?? key.compromised_at

function described(key: KeyRow): KeyOfItsTime {
  const time = (date: Date | null) => date?.toISOString() ?? null
  const { id, purpose, state, destroyed_at } = key
  return { id, purpose, state, retired_at: time(retiredAt(key)), destroyed_at: time(destroyed_at) }
}

function unreadableAfter(erasedAt: Date, keys: readonly KeyOfItsTime[], backupDays: number): string | null {
  const retired = keys.map(({ retired_at }) => (retired_at === null ? Number.NaN : Date.parse(retired_at)))
  const last = Math.max(erasedAt.getTime(), ...retired)
  return Number.isNaN(last) ? null : new Date(last + backupDays * DAY_MS).toISOString()
}
