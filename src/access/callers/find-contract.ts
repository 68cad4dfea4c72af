import type { Database } from '../../database/database.ts'
import { CallerChanged } from '../../values/caller-changed.ts'
import { Problem } from '../../values/problem.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import type { AccessMacs } from '../ledger/access-macs.ts'
import { selectContract } from '../ledger/partner-store.ts'
import type { Caller, Partnership } from '../policy/caller.ts'
import type { EncryptionJwkSet } from '../policy/encryption-jwk.ts'

/** What a third party may get, and the keys that it is encrypted to. */
export interface Contract extends Partnership {
  /** Null for a partner that has given none. */
  keys: EncryptionJwkSet | null
}

/** See `findContract`. */
export type FindContract = (caller: Pick<Caller, 'presumption'>, id: string) => Promise<Contract>

export interface FindContractDeps {
  database: Database
  ledger: Pick<AccessLedger, 'settle'>
  macs: Pick<AccessMacs, 'isContract'>
  now: () => Date
}

/**
 * The contract with a third party that is in force now. It is of the version of access that the caller's status is of:
 * the statement that proves the caller proves the contract too.
 *
 * @throws {Problem} contract-ended for a contract that has ended, that does not exist, or that was changed outside the
 *   vault; sealed, busy, database-unavailable
 * @throws {CallerChanged} if access has changed since the caller's status was looked at
 */
export async function findContract(
  { database, ledger, macs, now }: FindContractDeps,
  { presumption }: Pick<Caller, 'presumption'>,
  id: string,
): Promise<Contract> {
  const { answer, state } = await ledger.settle(() => selectContract(database, id))
  const { version, partner } = answer
  if (presumption?.accessVersion !== undefined && presumption.accessVersion !== version) throw new CallerChanged()
  const isInForce = partner !== undefined && partner.ended_at === null && partner.ends_at > now()
  if (!isInForce || !(await macs.isContract(partner, state))) throw new Problem('contract-ended')
  return { id, purposes: partner.purposes, fields: partner.fields, keys: partner.keys }
}
