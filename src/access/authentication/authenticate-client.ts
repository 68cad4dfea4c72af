import type { Database } from '../../database/database.ts'
import type { ClientSecrets } from '../callers/client-secret.ts'
import { beginsRight, hashToCompare, isOver } from '../callers/hash-to-compare.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import type { AccessMacs } from '../ledger/access-macs.ts'
import { type Client, type ClientWithSecrets, findClientWithSecrets } from '../ledger/client-store.ts'
import { isValidAt, matchesRegistration } from './client-certificate.ts'
import type { ClientCredentials } from './client-credentials.ts'
import { type ClientAssertionDeps, findAssertionFault } from './client-jwt.ts'
import { CLIENT_ID, type ClientFault } from './token-request-problem.ts'

export interface AuthenticateClientDeps extends ClientAssertionDeps {
  database: Database
  clientSecrets: ClientSecrets
  macs: AccessMacs
  ledger: AccessLedger
}

/**
 * The client, if it is one that the vault wrote, was not revoked, and proves itself in the way that it was registered
 * with; otherwise why not, for the operator. A text that cannot be an id counts as an unknown id, and takes the same
 * time. An unknown, a revoked, a changed and a mistaken client take the same time. A secret that this process
 * remembers, and that is still in force, takes less.
 *
 * @throws {Problem} busy, database-unavailable, sealed
 */
export async function authenticateClient(
  deps: AuthenticateClientDeps,
  credentials: ClientCredentials,
): Promise<Client | ClientFault> {
  const { clientId } = credentials
  const found = await deps.ledger.settle(async () => {
    const client = CLIENT_ID.test(clientId) ? await findClientWithSecrets(deps.database, clientId) : undefined
    return { client, ledger: client?.ledger }
  })
  const { client } = found.answer
  const live = client?.revoked_at === null ? client : undefined
  // The MAC is checked first, because the row says what a hash of its secret costs.
  const trusted = live !== undefined && (await deps.macs.isClient(live, found.state)) ? live : undefined
  deps.clientSecrets.keepOnly(clientId, trusted ? [trusted.secret_hash, trusted.previous_secret_hash] : [])
  const fault = await findFault(deps, trusted, credentials)
  if (client === undefined) return 'unknown-client'
  if (live === undefined) return 'revoked'
  if (trusted === undefined) return 'changed'
  return fault ?? trusted
}

/** What is wrong with the proof. */
async function findFault(
  deps: AuthenticateClientDeps,
  client: ClientWithSecrets | undefined,
  credentials: ClientCredentials,
): Promise<ClientFault | undefined> {
  switch (credentials.method) {
    case 'assertion':
      return findAssertionFault(deps, client, credentials.assertion)
    case 'certificate':
      if (client?.certificate == null) return 'wrong-method'
      if (matchesRegistration(client.certificate, credentials.certificate, deps.now())) return undefined
      return isValidAt(credentials.certificate, deps.now()) ? 'wrong-certificate' : 'expired'
    case 'secret': {
      const { clientId } = credentials
      const secret = credentials.secret.expose()
      const isRight = await deps.clientSecrets.verify({
        clientId,
        secret,
        hash: client && hashToCompare(client, secret, deps.now()),
        beginsRight: client !== undefined && beginsRight(client, secret),
      })
      if (isRight) return undefined
      if (client === undefined || client.secret_hash === null) return 'wrong-method'
      return isOver(client, secret, deps.now()) ? 'expired' : 'wrong-secret'
    }
  }
}

/**
 * Whether they are of a client whose secret this process has seen prove right. Whether they are still valid is not
 * checked.
 */
export function areRemembered(
  { clientSecrets }: Pick<AuthenticateClientDeps, 'clientSecrets'>,
  credentials: ClientCredentials,
): boolean {
  if (credentials.method !== 'secret') return false
  return clientSecrets.remembers(credentials.clientId, credentials.secret.expose())
}
