import { destinationSets } from '../../access/applied-sets/applied-set.ts'
import { lockSet } from '../../access/applied-sets/applied-set-store.ts'
import type { AccessLedger } from '../../access/ledger/access-ledger.ts'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { secretSubject } from '../../access/ledger/ledger-subject.ts'
import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import type { NewId } from '../../values/identifier.ts'
import type { Sensitive } from '../../values/sensitive.ts'
import { secretsOf } from '../destination.ts'
import { SECRET_NAME } from '../template-schema.ts'
import type { CurrentDestinations } from './current-destinations.ts'
import { presentState } from './present-secrets.ts'
import { secretContext } from './sealed-secrets.ts'
import { deleteSecret, selectSecrets, upsertSecret } from './secret-store.ts'

/** A certificate chain with its key fits. */
const MAX_BYTES = 32 * 1024
/** The length of a sealed value says little of the length of the secret. */
const PAD_BYTES = 256

export interface ChangeSecretsDeps {
  database: Database
  keys: Keys
  ledger: AccessLedger
  current: CurrentDestinations
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
}

/** A secret as it is listed; its value is never shown. */
export interface SecretLine {
  name: string
  set_at: Date
  /** The destinations in force that need it. */
  used_by: string[]
}

/**
 * Gives a secret a value, its first or another. Every request from then on has the new one.
 *
 * @throws {CallerError} for a name or a value that no secret can have
 */
export async function setSecret(
  { database, keys, ledger, newAuditEvent, newId, now }: Omit<ChangeSecretsDeps, 'current'>,
  operator: AuditCaller,
  name: string,
  value: Sensitive<string>,
): Promise<void> {
  requireName(name)
  const bytes = Buffer.from(value.expose(), 'utf8')
  if (bytes.length === 0 || bytes.length > MAX_BYTES || bytes.includes(0)) {
    throw new CallerError(`a secret has 1 to ${MAX_BYTES} bytes of text.`)
  }
  const facts = { type: 'destinations.set-secret', outcome: 'success', caller: operator, subject: name } as const
  await storeUnderKeys(keys, async () => {
    await keys.ensureFresh()
    const revision = newId('rev')
    const sealed = await keys.seal('secret', secretContext({ name, revision }), bytes, PAD_BYTES)
    await database.transaction(async (tx) => {
      await ledger.hold(tx)
      await lockSet(tx, destinationSets)
      await upsertSecret(tx, { name, revision, setAt: now(), value: sealed })
      await ledger.record(tx, [presentState({ name, revision })])
      await insertEvents(tx, [newAuditEvent(facts)])
    })
  })
}

/** All secrets, by their names. */
export async function listSecrets({
  database,
  current,
}: Pick<ChangeSecretsDeps, 'database' | 'current'>): Promise<SecretLine[]> {
  const { destinations } = await current.refresh()
  return (await selectSecrets(database)).map(({ name, setAt }) => ({
    name,
    set_at: setAt,
    used_by: [...destinations.values()].filter((one) => secretsOf(one).includes(name)).map((one) => one.name),
  }))
}

/** @throws {CallerError} for a secret that is not there, or that a destination in force needs */
export async function removeSecret(
  {
    database,
    ledger,
    current,
    newAuditEvent,
  }: Pick<ChangeSecretsDeps, 'database' | 'ledger' | 'current' | 'newAuditEvent'>,
  operator: AuditCaller,
  name: string,
): Promise<void> {
  requireName(name)
  await database.transaction(async (tx) => {
    await ledger.hold(tx)
    await lockSet(tx, destinationSets)
    const { destinations } = await current.refresh(tx)
    const users = [...destinations.values()].filter((one) => secretsOf(one).includes(name))
    if (users.length > 0) {
      throw new CallerError(`destinations in force need it: ${users.map((one) => one.name).join(', ')}.`)
    }
    if (!(await deleteSecret(tx, name))) throw new CallerError('there is no such secret.')
    await ledger.record(tx, [{ subject: secretSubject(name), state: null }])
    const facts = { type: 'destinations.remove-secret', outcome: 'success', caller: operator, subject: name } as const
    await insertEvents(tx, [newAuditEvent(facts)])
  })
}

function requireName(name: string): void {
  if (!SECRET_NAME.test(name)) {
    throw new CallerError(
      'the name of a secret has up to 63 small letters, digits and dashes, and begins with a letter.',
    )
  }
}
