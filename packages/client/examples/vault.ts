import type { VaultClient } from '@strongroom/client'

/** What a monitor asks. */
export async function checkHealth(vault: VaultClient) {
  return [await vault.server.health(), await vault.server.ready()].map(({ status }) => status)
}

/** What the vault says of itself. None of it needs an access token. */
export async function describeVault(vault: VaultClient) {
  const { issuer } = await vault.server.authorizationServer()
  const { resource } = await vault.server.protectedResource()
  const { keys } = await vault.server.keys()
  const { keys: messageKeys } = await vault.server.messageKeys()
  return { issuer, resource, keys: keys.length, signs: messageKeys.map(({ crv }) => crv) }
}

/** What a code of an error means, for a log or a page of a shop's own. */
export async function explain(vault: VaultClient, code: string) {
  return await vault.server.problem(code)
}

/** A call that the client has no method for, with its access token, retries and errors. */
export async function call(vault: VaultClient) {
  const { data, response } = await vault
    .request<{ openapi: string }>({ method: 'GET', path: '/openapi.json' })
    .withResponse()
  return { version: data.openapi, requestId: response.requestId }
}
