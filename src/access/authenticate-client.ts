import type { Database } from '../database/database.ts'
import { type ClientAssertionDeps, verifyClientAssertion } from './client-assertion.ts'
import type { ClientCredentials } from './client-credentials.ts'
import type { ClientSecrets } from './client-secret.ts'
import { type Client, findClientWithSecrets } from './client-store.ts'
import { hashToCompare } from './clients.ts'

export interface AuthenticateClientDeps extends ClientAssertionDeps {
  database: Database
  clientSecrets: ClientSecrets
}

/** What cannot be an id is an unknown one, and costs as much. */
const CLIENT_ID = /^client_[0-9a-z]{26}$/

/**
 * The client, if it is one, was not revoked, and proves itself in the way that it was registered with; undefined otherwise.
 * An unknown, a revoked and a mistaken client take the same time.
 *
 * @throws {Problem} busy, database-unavailable
 */
export async function authenticateClient(
  deps: AuthenticateClientDeps,
  credentials: ClientCredentials,
): Promise<Client | undefined> {
  const { clientId } = credentials
  const client = CLIENT_ID.test(clientId) ? await findClientWithSecrets(deps.database, clientId) : undefined
  const live = client?.revoked_at === null ? client : undefined
  let isProven: boolean
  if (credentials.method === 'assertion') {
    isProven = await verifyClientAssertion(deps, live, credentials.assertion)
  } else {
    const secret = credentials.secret.expose()
    isProven = await deps.clientSecrets.verify(live && hashToCompare(live, secret, deps.now()), secret)
  }
  return isProven ? live : undefined
}
