import { type Credentials, VaultClient, type VaultClientOptions } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import type { RoleName } from '../../src/access/policy/roles.ts'
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

type Send = typeof fetch

/** Notes each request of a client before it is sent. */
export function noteRequests(vault: TestVault, send: Send = createNodeFetch({ ca: vault.ca })) {
  const requests: { path: string; method: string; headers: Headers; body: string }[] = []
  const noted: Send = (input, init = {}) => {
    const { pathname } = new URL(String(input))
    const { method = 'GET', body } = init
    requests.push({ path: pathname, method, headers: new Headers(init.headers), body: String(body ?? '') })
    return send(input, init)
  }
  return { requests, fetch: noted, of: (path: string) => requests.filter((request) => request.path === path) }
}

/** What a call was rejected with; undefined when it was not. */
export function failureOf(call: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(call).then(
    () => undefined,
    (error: unknown) => error,
  )
}
