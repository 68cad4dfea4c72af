import type { NewAuditEvent } from '../audit/audit-event.ts'
import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/keys.ts'
import { changeRegistry } from '../keys/registry.ts'
import { ACCESS_MACS, type AccessMacs } from './access-macs.ts'
import { selectClientsWithSecrets, updateClientMac } from './client-store.ts'
import { selectPartners, updatePartnerMac } from './partner-store.ts'

export interface AdoptAccessDeps {
  database: Database
  keys: Pick<Keys, 'registry' | 'refresh' | 'verified'>
  macs: AccessMacs
  newAuditEvent: NewAuditEvent
}

/**
 * Gives the clients and contracts of a vault from before migration 0007 their MACs, as they stand, on the first start that
 * knows of them. Only once: the manifest remembers it, so a MAC that somebody removes afterwards does not come back.
 *
 * @throws {KeyRegistryError} when somebody else changed the registry
 * @throws {Problem} sealed
 */
export async function adoptAccess(deps: AdoptAccessDeps): Promise<void> {
  const { keys, macs } = deps
  if (keys.verified.marks.includes(ACCESS_MACS)) return
  await changeRegistry(deps, { id: 'strongroom', kind: 'vault' }, async ({ tx, marks, mark }) => {
    if (marks.includes(ACCESS_MACS)) return
    await macs.hold(tx)
    for (const client of await selectClientsWithSecrets(tx)) {
      if (client.revoked_at === null) await updateClientMac(tx, client.id, macs.ofClient(client))
    }
    for (const partner of await selectPartners(tx)) {
      if (partner.ended_at === null) await updatePartnerMac(tx, partner.id, macs.ofContract(partner))
    }
    mark(ACCESS_MACS)
  })
}
