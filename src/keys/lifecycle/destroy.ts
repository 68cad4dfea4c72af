import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { Queryable } from '../../database/database.ts'
import { VaultError } from '../../values/vault-error.ts'
import { mayBeClosed } from '../key/closed-keys.ts'
import type { KeyRow } from '../key/key.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'
import { findOlderTransactions } from '../rotation/older-transactions.ts'
import { countReferencesOf, totalOf } from '../rotation/reference-store.ts'
import { selectRotations } from '../rotation/rotation-store.ts'
import { type OpenBackups, openBackupsOf } from './open-backups.ts'
import { hasOutlivedItsSignatures, isPublishedPurpose, type PublishedPurpose } from './signing-plan.ts'

/** What still has to be verified. */
const SIGNED: Readonly<Record<PublishedPurpose, string>> = {
  'token-signing': 'tokens that are still alive',
  'message-signing': 'messages of the last day',
  'receipt-signing': 'receipts of the last ten years',
  'script-signing': 'the script for pages that may pin it for 90 days after its replacement',
}

/** The key must stay. The message says why, and what has to happen first. */
export class KeyStillNeeded extends VaultError {
  override readonly name = 'KeyStillNeeded'
}

export interface DestroyKeyDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'referencing' | 'registry' | 'refresh' | 'verified' | 'times'>
  now: () => Date
  /** How long the longest token lives that a token-signing key may have signed. */
  longestTokenSeconds: number
  /** Whether an audit-signing key has signed the latest checkpoint of the audit log. */
  hasSignedLast: (db: Queryable, id: string) => Promise<boolean>
}

/**
 * Removes the wrapped bytes of a key for good: this vault can then never open what an older backup holds under it.
 * Answers with the backups that hold the key, and with which root key they open. Waits until everything that was sealed
 * under it has been committed or never will be: the time that a statement gets, and then, for as long again, the
 * transactions that began before the key was retired. The census is taken while the registry's lock is held.
 *
 * @throws {KeyStillNeeded} if the key is in use, if it encrypts anything, or if a transaction from before has not
 *   ended, which the message names
 */
export async function destroyKey(
  deps: DestroyKeyDeps,
  operator: AuditCaller,
  id: string,
  onWait?: (reason: string) => void,
): Promise<OpenBackups> {
  const { now, longestTokenSeconds } = deps
  const { referencing } = deps.keys
  await deps.keys.refresh()
  const retired = requireUnused(deps.keys.verified.keys, id)
  // A pre-active key has protected nothing.
  if (retired.state !== 'pre-active') {
    const older = mayBeClosed(retired) ? await findOlderTransactions(deps.database, id) : undefined
    await settle(deps, retired, onWait)
    // Signing keys and MAC keys protect no rows that a late transaction could add.
    const left = (await older?.outlast(deps.keys.times.statementMs, onWait)) ?? []
    if (left.length > 0) {
      throw new KeyStillNeeded(
        `${id} cannot be destroyed yet: something may still be stored under it. ${left.join(' ')}`,
      )
    }
  }
  const destroyed = await changeRegistry(deps, operator, async (change) => {
    const key = requireUnused(change.rows, id)
    if (key.state === 'pre-active') await requireNotAwaited(change.tx, key)
    const references = await countReferencesOf(change.tx, referencing, id, now())
    if (totalOf(references) > 0) {
      const where = Object.entries(references).map(([column, count]) => `${count} in ${column}`)
      const expiryOf = new Map(referencing.hashed.map(({ name, expires }) => [name, expires]))
      const expiries = Object.keys(references).map((column) => expiryOf.get(column))
      const next = expiries.includes(undefined) ? 'Run "strongroom keys rotate" first.' : expiries.join(' ')
      throw new KeyStillNeeded(`${id} is still needed: ${where.join(', ')}. ${next}`)
    }
    if (
      isPublishedPurpose(key.purpose) &&
      key.state === 'deactivated' &&
      !hasOutlivedItsSignatures(key, now(), longestTokenSeconds)
    ) {
      const signed = SIGNED[key.purpose]
      throw new KeyStillNeeded(`${id} has signed ${signed}: the vault destroys it when it verifies nothing any more.`)
    }
    if (key.purpose === 'audit-signing' && (await deps.hasSignedLast(change.tx, id))) {
      throw new KeyStillNeeded(
        `${id} has signed the latest checkpoint of the audit log: let a server run until the next key has signed one.`,
      )
    }
    await change.transition(id, 'destroyed')
    return key
  })
  return openBackupsOf(destroyed, deps.keys.verified.rootKeys, destroyed.destroyed_at ?? now())
}

function requireUnused(rows: readonly KeyRow[], id: string): KeyRow {
  const key = rows.find((row) => row.id === id)
  if (key === undefined) throw new KeyStillNeeded(`there is no key ${id}.`)
  if (key.state === 'destroyed') throw new KeyStillNeeded(`${id} is destroyed already.`)
  if (key.state === 'active') throw new KeyStillNeeded(`${id} is active: rotate it first, then it encrypts nothing.`)
  return key
}

/** @throws {KeyStillNeeded} when a rotation that has not ended is going to promote the key */
async function requireNotAwaited(tx: Queryable, { id, purpose }: KeyRow): Promise<void> {
  const awaits = (await selectRotations(tx)).some(
    (row) => row.purpose === purpose && row.begun_at !== null && row.finished_at === null,
  )
  if (awaits) {
    throw new KeyStillNeeded(
      `${id} is the next key of a rotation that has not ended: end it with "strongroom keys rotate" first.`,
    )
  }
}

/**
 * The latest value that a server can have sealed under an old ring commits within the time limit of a statement, or
 * never. After that a census misses nothing.
 */
async function settle(
  { keys, now }: DestroyKeyDeps,
  key: KeyRow,
  onWait: ((reason: string) => void) | undefined,
): Promise<void> {
  const settleMs = keys.times.ringMaxAgeMs + keys.times.statementMs
  const ended = key.deactivated_at ?? key.compromised_at
  const wait = ended === null ? 0 : ended.getTime() + settleMs - now().getTime()
  // The wait must end also if the clock was set back.
  if (wait <= 0) return
  onWait?.('until what was sealed under it last has been committed')
  await new Promise((resolve) => setTimeout(resolve, Math.min(wait, settleMs)))
}
