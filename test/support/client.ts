import { type Credentials, VaultClient, type VaultClientOptions } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { type RoleName, roleOf } from '../../src/access/policy/roles.ts'
import type { TestVault } from './test-vault.ts'

/** A client of the vault, for these credentials. */
export function clientOf(
  vault: TestVault,
  credentials: Credentials,
  options: Partial<VaultClientOptions> = {},
): VaultClient {
  return new VaultClient({ url: vault.url, fetch: createNodeFetch({ ca: vault.ca }), credentials, ...options })
}

/** A client with a secret of its own, in that role. */
export async function newClient(
  vault: TestVault,
  role: RoleName,
  options: Partial<VaultClientOptions> = {},
): Promise<VaultClient> {
  const { id, secret } = await vault.client(roleOf(role).scopes, { role })
  return clientOf(vault, { clientId: id, clientSecret: secret }, options)
}

/** A person of the staff, by an access token that is given. */
export async function newStaff(vault: TestVault, role: RoleName, name?: string): Promise<VaultClient> {
  return clientOf(vault, { accessToken: await vault.staffToken(role, name === undefined ? {} : { name }) })
}
