import type { Queryable } from '../../database/database.ts'
import { type AccessMacs, clientText, contractText, stateOf } from '../ledger/access-macs.ts'
import { selectClientsWithSecrets } from '../ledger/client-store.ts'
import type { AccessChange } from '../ledger/ledger-chain.ts'
import {
  clientSubject,
  disabledSubject,
  partnerSubject,
  REFUSED,
  ROLES_SUBJECT,
  suspendedSubject,
} from '../ledger/ledger-subject.ts'
import { selectPartners } from '../ledger/partner-store.ts'
import { selectDisabledStaff } from '../ledger/staff-store.ts'
import { selectSuspended } from '../limits/suspension-store.ts'
import { type RoleSetMacs, roleSetText } from '../roles-in-force/current-roles.ts'
import { selectNewestRoleSet } from '../roles-in-force/role-set-store.ts'

export interface PresentAccessDeps {
  macs: AccessMacs
  roleSetMacs: RoleSetMacs
}

/** Everything that is in force, and every refused caller. Rows that the vault did not write are left out. */
export async function presentAccess({ macs, roleSetMacs }: PresentAccessDeps, tx: Queryable): Promise<AccessChange[]> {
  const changes: AccessChange[] = []
  for (const client of await selectClientsWithSecrets(tx)) {
    if (client.revoked_at !== null || !(await macs.isClient(client, undefined))) continue
    changes.push({ subject: clientSubject(client.id), state: stateOf(clientText(client)) })
  }
  for (const partner of await selectPartners(tx)) {
    if (partner.ended_at !== null || !(await macs.isContract(partner, undefined))) continue
    changes.push({ subject: partnerSubject(partner.id), state: stateOf(contractText(partner)) })
  }
  const roles = await selectNewestRoleSet(tx)
  if (roles !== undefined && (await roleSetMacs.isOurs(roles))) {
    changes.push({ subject: ROLES_SUBJECT, state: stateOf(roleSetText(roles)) })
  }
  for (const { id } of await selectDisabledStaff(tx)) changes.push({ subject: disabledSubject(id), state: REFUSED })
  for (const { caller } of await selectSuspended(tx)) {
    changes.push({ subject: suspendedSubject(caller), state: REFUSED })
  }
  return changes
}
