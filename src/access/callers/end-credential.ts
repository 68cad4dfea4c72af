import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { type ClientDeps, changeCredential } from './clients.ts'

/**
 * Ends the secret or the public keys of a client now, also overlapping ones. The client stays, and an operator gives it
 * others with `clients rotate-secret` or `clients replace-keys`.
 *
 * @throws {UnknownClient} unknown, revoked, changed outside the vault, or with a certificate
 */
export async function endCredential(
  deps: Pick<ClientDeps, 'database' | 'macs' | 'ledger' | 'newAuditEvent' | 'now'>,
  operator: AuditCaller,
  id: string,
): Promise<void> {
  await changeCredential(deps, operator, id, 'client.end-credential', (client) => {
    if (client.keys !== null) return { keys: { keys: [] } }
    if (client.secret_hash === null) return undefined
    const ended = deps.now()
    const isOverlapping = client.previous_secret_hash !== null
    return { secret_expires_at: ended, previous_secret_expires_at: isOverlapping ? ended : null }
  })
}
