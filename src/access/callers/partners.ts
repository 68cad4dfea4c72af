import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database } from '../../database/database.ts'
import { type KindName, kindNames } from '../../kinds/registry.ts'
import type { NewId } from '../../values/identifier.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { type AccessMacs, contractText, stateOf } from '../ledger/access-macs.ts'
import { insertTakeaway } from '../ledger/insert-takeaway.ts'
import { partnerSubject } from '../ledger/ledger-subject.ts'
import {
  insertPartner,
  lockPartner,
  markPartnerEnded,
  type Partner,
  selectPartners,
  updatePartnerKeys,
} from '../ledger/partner-store.ts'
import type { EncryptionJwkSet } from '../policy/encryption-jwk.ts'
import { isShown } from '../policy/view.ts'
import { CallerError } from './clients.ts'

export interface PartnerDeps {
  database: Database
  macs: AccessMacs
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
}

export interface NewPartner extends Omit<Partner, 'id' | 'created_at' | 'ended_at' | 'keys'> {
  /** What is released to the partner itself is encrypted to one of them. */
  keys?: EncryptionJwkSet | undefined
}

/**
 * Makes a partner. What its clients may see is what their role grants and the contract names, both.
 *
 * @throws {CallerError} for a contract with unknown names, or one that has ended
 */
export async function addPartner(deps: PartnerDeps, operator: AuditCaller, given: NewPartner): Promise<{ id: string }> {
  const input = { ...given, keys: given.keys ?? null }
  const unknown = input.fields.filter((field) => !kindNames.some((kind) => isFieldOf(field, kind)))
  if (unknown.length > 0) throw new CallerError('a field is written as kind.field, such as address.postal_code')
  if (input.purposes.length === 0 || input.fields.length === 0) {
    throw new CallerError('a contract names at least one purpose and one field')
  }
  if (input.ends_at <= deps.now()) throw new CallerError('the contract has ended already')
  const id = deps.newId('partner')
  await deps.database.transaction(async (tx) => {
    await deps.macs.hold(tx)
    const mac = deps.macs.ofContract({ ...input, id })
    await insertPartner(tx, { ...input, id, created_at: deps.now(), mac })
    await deps.ledger.record(tx, [{ subject: partnerSubject(id), state: stateOf(contractText({ ...input, id })) }])
    await insertEvents(tx, [event(deps, 'partner.add', operator, id)])
  })
  return { id }
}

/** All partners, including those whose contract has ended. */
export async function listPartners({ database }: Pick<PartnerDeps, 'database'>): Promise<Partner[]> {
  return (await selectPartners(database)).map(({ mac: _mac, ...partner }) => partner)
}

/** Ends a contract now: the partner's clients are refused from their next request on. @throws {CallerError} */
export async function endPartner(
  deps: Pick<PartnerDeps, 'database' | 'ledger' | 'newAuditEvent' | 'now'>,
  operator: AuditCaller,
  id: string,
): Promise<void> {
  await deps.database.transaction(async (tx) => {
    await deps.ledger.hold(tx)
    const ended = await markPartnerEnded(tx, id, deps.now())
    if (ended === undefined) throw new CallerError('there is no such partner')
    await deps.ledger.recordOrLeave(tx, [{ subject: partnerSubject(id), state: null }])
    await insertTakeaway(tx, event(deps, 'partner.end', operator, id), ended)
  })
}

/**
 * Gives a partner other keys, or none: what was encrypted to a former one stays so. That does not repair a row that was
 * changed outside the vault.
 *
 * @throws {UnknownPartner}
 */
export async function replacePartnerKeys(
  deps: Pick<PartnerDeps, 'database' | 'macs' | 'ledger' | 'newAuditEvent'>,
  operator: AuditCaller,
  id: string,
  keys: EncryptionJwkSet | null,
): Promise<void> {
  await deps.database.transaction(async (tx) => {
    await deps.macs.hold(tx)
    const partner = await lockPartner(tx, id)
    if (partner === undefined || partner.ended_at !== null) {
      throw new UnknownPartner('there is no such partner, or its contract was ended')
    }
    if (!(await deps.macs.isContract(partner, await deps.ledger.stateIn(tx)))) {
      throw new UnknownPartner('the contract was changed outside the vault: end it and add another')
    }
    const changed = { ...partner, keys }
    await updatePartnerKeys(tx, { ...changed, mac: deps.macs.ofContract(changed) })
    await deps.ledger.record(tx, [{ subject: partnerSubject(id), state: stateOf(contractText(changed)) }])
    await insertEvents(tx, [event(deps, 'partner.replace-keys', operator, id)])
  })
}

/** There is no contract that can have other keys. */
export class UnknownPartner extends VaultError {
  override readonly name = 'UnknownPartner'
}

function isFieldOf(field: string, kind: KindName): boolean {
  return field.startsWith(`${kind}.`) && isShown(field.slice(kind.length + 1), kind)
}

function event(
  { newAuditEvent }: Pick<PartnerDeps, 'newAuditEvent'>,
  type: 'partner.add' | 'partner.end' | 'partner.replace-keys',
  operator: AuditCaller,
  id: string,
) {
  return newAuditEvent({ type, outcome: 'success', caller: operator, subject: id, partner: id })
}
