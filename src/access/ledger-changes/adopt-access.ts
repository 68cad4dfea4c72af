import type { NewAuditEvent } from '../../audit/event/audit-event.ts'
import type { Database, Queryable } from '../../database/database.ts'
import { changeRegistry } from '../../keys/registry/registry.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { lockOpen, updateRequestMac } from '../approvals/approval-store.ts'
import { REQUEST_MACS, requestMac } from '../approvals/request-mac.ts'
import { ACCESS_LEDGER, type AccessLedger } from '../ledger/access-ledger.ts'
import { ACCESS_MACS, type AccessMacs } from '../ledger/access-macs.ts'
import { selectClientsWithSecrets, updateClientMac } from '../ledger/client-store.ts'
import { selectPartners, updatePartnerMac } from '../ledger/partner-store.ts'
import type { RoleSetMacs } from '../roles-in-force/current-roles.ts'
import { presentAccess } from './present-access.ts'

/** What a vault that begins with this version need not take over. */
export const ACCESS_MARKS = [ACCESS_MACS, ACCESS_LEDGER, REQUEST_MACS] as const

export interface AdoptAccessDeps {
  database: Database
  keys: Pick<Keys, 'macs' | 'registry' | 'refresh' | 'verified'>
  macs: AccessMacs
  roleSetMacs: RoleSetMacs
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
}

/**
 * Gives the clients and contracts of a vault from before migration 0007 their MACs, as they stand, likewise the open requests for
 * approval of one from before migration 0025, and takes what the vault wrote into the ledger of one from before migration 0023, on the first start that knows of them. Only once: the manifest
 * remembers it, so a MAC or an entry that somebody removes afterwards does not come back.
 *
 * @throws {KeyRegistryError} when somebody else changed the registry
 * @throws {Problem} sealed
 */
export async function adoptAccess(deps: AdoptAccessDeps): Promise<void> {
  const { keys, macs } = deps
  if (ACCESS_MARKS.every((name) => keys.verified.marks.includes(name))) return
  await changeRegistry(deps, { id: 'strongroom', kind: 'vault' }, async ({ tx, marks, mark }) => {
    await macs.hold(tx)
    if (!marks.includes(ACCESS_MACS)) await makeMacs(deps, tx)
    if (!marks.includes(ACCESS_LEDGER)) await deps.ledger.adopt(tx, await presentAccess(deps, tx))
    if (!marks.includes(REQUEST_MACS)) await makeRequestMacs(deps, tx)
    for (const name of ACCESS_MARKS) mark(name)
  })
}

async function makeMacs({ macs }: AdoptAccessDeps, tx: Queryable): Promise<void> {
  for (const client of await selectClientsWithSecrets(tx)) {
    if (client.revoked_at === null) await updateClientMac(tx, client.id, macs.ofClient(client))
  }
  for (const partner of await selectPartners(tx)) {
    if (partner.ended_at === null) await updatePartnerMac(tx, partner.id, macs.ofContract(partner))
  }
}

async function makeRequestMacs({ keys }: AdoptAccessDeps, tx: Queryable): Promise<void> {
  for (const request of await lockOpen(tx)) await updateRequestMac(tx, request.id, requestMac(keys, request))
}
