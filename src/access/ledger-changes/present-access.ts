import type { Queryable } from '../../database/database.ts'
import type { Macs } from '../../keys/registry/macs.ts'
import { appliedSets, createSetMacs, setText } from '../applied-sets/applied-set.ts'
import { selectNewestSet } from '../applied-sets/applied-set-store.ts'
import { type AccessMacs, clientText, contractText, policiesText, stateOf } from '../ledger/access-macs.ts'
import { selectClientsWithSecrets } from '../ledger/client-store.ts'
import { presentHolds } from '../ledger/held-state.ts'
import { selectHolds, selectPostponed } from '../ledger/hold-store.ts'
import type { AccessChange } from '../ledger/ledger-chain.ts'
import {
  clientSubject,
  disabledSubject,
  POLICIES_SUBJECT,
  partnerSubject,
  REFUSED,
  suspendedSubject,
} from '../ledger/ledger-subject.ts'
import { selectPartners } from '../ledger/partner-store.ts'
import { selectPolicyRows } from '../ledger/policy-rows-store.ts'
import { selectDisabledStaff } from '../ledger/staff-store.ts'
import { selectSuspended } from '../limits/suspension-store.ts'

export interface PresentAccessDeps {
  macs: AccessMacs
  keys: { macs: Macs }
  /** What those who use access keep in its ledger themselves. */
  furtherAccess: (tx: Queryable) => Promise<AccessChange[]>
}

/**
 * Everything that is in force, and every refused caller. Rows that the vault did not write are left out. Policies have no MAC: those
 * that are there count, and the operator compares them with the files.
 */
export async function presentAccess(
  { macs, keys, furtherAccess }: PresentAccessDeps,
  tx: Queryable,
): Promise<AccessChange[]> {
  const changes: AccessChange[] = []
  for (const client of await selectClientsWithSecrets(tx)) {
    if (client.revoked_at !== null || !(await macs.isClient(client, undefined))) continue
    changes.push({ subject: clientSubject(client.id), state: stateOf(clientText(client)) })
  }
  for (const partner of await selectPartners(tx)) {
    if (partner.ended_at !== null || !(await macs.isContract(partner, undefined))) continue
    changes.push({ subject: partnerSubject(partner.id), state: stateOf(contractText(partner)) })
  }
  for (const applied of appliedSets) {
    const set = await selectNewestSet(tx, applied)
    if (set === undefined || !(await createSetMacs(keys.macs, applied).isOurs(set))) continue
    changes.push({ subject: applied.subject, state: stateOf(setText(applied, set)) })
  }
  changes.push(...presentHolds(await selectHolds(tx), await selectPostponed(tx)))
  const policies = await selectPolicyRows(tx)
  if (policies.length > 0) changes.push({ subject: POLICIES_SUBJECT, state: stateOf(policiesText(policies)) })
  changes.push(...(await furtherAccess(tx)))
  for (const { id } of await selectDisabledStaff(tx)) changes.push({ subject: disabledSubject(id), state: REFUSED })
  for (const { caller } of await selectSuspended(tx)) {
    changes.push({ subject: suspendedSubject(caller), state: REFUSED })
  }
  return changes
}
