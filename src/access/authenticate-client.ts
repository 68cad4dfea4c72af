import type { Database } from '../database/database.ts'
import type { AccessMacs } from './access-macs.ts'
import { type ClientAssertionDeps, verifyClientAssertion } from './client-assertion.ts'
import { matchesRegistration } from './client-certificate.ts'
import type { ClientCredentials } from './client-credentials.ts'
import type { ClientSecrets } from './client-secret.ts'
import { type Client, type ClientWithSecrets, findClientWithSecrets } from './client-store.ts'
import { beginsRight, hashToCompare } from './clients.ts'

export interface AuthenticateClientDeps extends ClientAssertionDeps {
  database: Database
  clientSecrets: ClientSecrets
  macs: AccessMacs
}

/** What cannot be an id is an unknown one, and costs as much. */
const CLIENT_ID = /^client_[0-9a-z]{26}$/

/**
 * The client, if it is one that the vault wrote, was not revoked, and proves itself in the way that it was registered with;
 * undefined otherwise. An unknown, a revoked and a mistaken client take the same time. A secret that this process remembers, and
 * that is still in force, takes less.
 *
 * @throws {Problem} busy, database-unavailable, sealed
 */
export async function authenticateClient(
  deps: AuthenticateClientDeps,
  credentials: ClientCredentials,
): Promise<Client | undefined> {
  const { clientId } = credentials
  const client = CLIENT_ID.test(clientId) ? await findClientWithSecrets(deps.database, clientId) : undefined
  const live = client?.revoked_at === null ? client : undefined
  deps.clientSecrets.keepOnly(clientId, live ? [live.secret_hash, live.previous_secret_hash] : [])
  const isProved = await isProven(deps, live, credentials)
  return isProved && live !== undefined && deps.macs.isClient(live) ? live : undefined
}

async function isProven(
  deps: AuthenticateClientDeps,
  client: ClientWithSecrets | undefined,
  credentials: ClientCredentials,
): Promise<boolean> {
  switch (credentials.method) {
    case 'assertion':
      return verifyClientAssertion(deps, client, credentials.assertion)
    case 'certificate':
      return client?.certificate != null && matchesRegistration(client.certificate, credentials.certificate, deps.now())
    case 'secret': {
      const { clientId } = credentials
      const secret = credentials.secret.expose()
      return deps.clientSecrets.verify({
        clientId,
        secret,
        hash: client && hashToCompare(client, secret, deps.now()),
        beginsRight: client !== undefined && beginsRight(client, secret),
      })
    }
  }
}

/** Whether they are of a client whose secret this process has seen prove right. What they are worth now is not asked. */
export function areRemembered(
  { clientSecrets }: Pick<AuthenticateClientDeps, 'clientSecrets'>,
  credentials: ClientCredentials,
): boolean {
  if (credentials.method !== 'secret') return false
  return clientSecrets.remembers(credentials.clientId, credentials.secret.expose())
}
