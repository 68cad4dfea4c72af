import { createPublicKey } from 'node:crypto'
import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import { selectRetirements } from '../../audit/event/event-lookup-store.ts'
import { rawPublicKey } from '../../audit/formats/signed-note.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import { VaultError } from '../../values/vault-error.ts'
import { isClosed, mayBeClosed } from '../key/closed-keys.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'
import { findOlderTransactions } from '../rotation/older-transactions.ts'
import { countReferencesOf, totalOf } from '../rotation/reference-store.ts'
import { type SignedStatement, signStatement } from './sign-statement.ts'

/** There is nothing to certify yet; the message says why. */
class NotRetired extends VaultError {
  override readonly name = 'NotRetired'
}

/** What the vault states about a key that protects nothing. Times are RFC 3339 in UTC. */
interface KeyStatement {
  format: 1
  /** The vault: the issuer of its access tokens. */
  issuer: string
  key: string
  purpose: string
  state: string
  created_at: string
  activated_at: string | null
  /** When it stopped protecting: deactivated, or compromised while it was active. */
  retired_at: string | null
  destroyed_at: string | null
  /** How many values rotations moved off it. */
  values_moved: number
  /** When a rotation last found nothing under it, and the audit event that says so. */
  empty_since: string | null
  event: string | null
  /** The census that was taken for this statement. */
  census: { values: 0; at: string }
}

export interface RetirementAttestation extends SignedStatement {
  statement: KeyStatement
}

export interface CertifyKeyDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'active' | 'ensureFresh' | 'referencing' | 'refresh' | 'registry' | 'times' | 'verified'>
  now: () => Date
  issuer: string
  authenticity: EventAuthenticity
}

/**
 * States, under the vault's signature, that a key was retired and encrypts nothing. A census is taken for it, so that
 * the statement is true when it is signed and stays true, without trust in an earlier rotation. It waits for
 * transactions that began before the key was retired. The key is closed with it.
 *
 * @throws {NotRetired} if the key is in use or encrypts anything
 */
export async function certifyKey(
  deps: CertifyKeyDeps,
  operator: AuditCaller,
  id: string,
): Promise<RetirementAttestation> {
  const { database, keys, newAuditEvent, now, issuer } = deps
  await keys.refresh()
  const row = keys.verified.keys.find((key) => key.id === id)
  if (row === undefined) throw new NotRetired(`there is no key ${id}.`)
  if (row.state === 'active' || row.state === 'pre-active') {
    throw new NotRetired(
      `${id} is ${row.state}: there is an attestation once it was rotated and no value is left under it.`,
    )
  }
  if (row.purpose === 'script-signing' && row.state === 'deactivated') {
    throw new NotRetired(
      `${id} signs scripts beside the key in its place: there is an attestation once it is destroyed.`,
    )
  }
  const older = await findOlderTransactions(database, id)
  const left = await older.outlast(keys.times.statementMs)
  if (left.length > 0) throw new NotRetired(`something may still be stored under ${id}. ${left.join(' ')}`)
  const at = now()
  const references = await countReferencesOf(database, keys.referencing, id, at)
  if (totalOf(references) > 0) {
    const where = Object.entries(references).map(([column, count]) => `${count} in ${column}`)
    throw new NotRetired(`${id} is still needed: ${where.join(', ')}. What expires by itself is waited for.`)
  }
  const retirement = await findRetirement(deps, id)
  const time = (date: Date | null | undefined) => date?.toISOString() ?? null
  const statement: KeyStatement = {
    format: 1,
    issuer,
    key: id,
    purpose: row.purpose,
    state: row.state,
    created_at: row.created_at.toISOString(),
    activated_at: time(row.activated_at),
    retired_at: time(row.deactivated_at ?? row.compromised_at),
    destroyed_at: time(row.destroyed_at),
    values_moved: retirement?.count ?? 0,
    empty_since: retirement?.at ?? null,
    event: retirement?.id ?? null,
    census: { values: 0, at: at.toISOString() },
  }
  if (mayBeClosed(row) && !isClosed(keys.verified.marks, id)) {
    await changeRegistry(deps, operator, async ({ close }) => close(id))
  }
  await keys.ensureFresh()
  const signed = signStatement(keys, 'strongroom-key-certificate', statement)
  await insertEvents(database, [
    newAuditEvent({
      type: 'key.certify',
      outcome: 'success',
      caller: operator,
      subject: id,
      public_key: rawPublicKey(createPublicKey(signed.public_key)).toString('base64'),
    }),
  ])
  return { statement, ...signed }
}

/** What the log says of the census that found nothing on a key. */
interface Retirement {
  id: string
  at: string
  /** How many values rotations had moved off it. */
  count?: number
}

/**
 * Read from the log, and only from events that the vault wrote, because the server's role can rewrite
 * `key_retirements`.
 */
async function findRetirement(
  { database, authenticity }: Pick<CertifyKeyDeps, 'database' | 'authenticity'>,
  key: string,
): Promise<Retirement | undefined> {
  const [latest] = await authenticity.pick(await selectRetirements(database, key), database)
  return latest && (JSON.parse(latest.body) as Retirement)
}
