import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import type { Client } from '../../access/ledger/client-store.ts'
import type { PublicJwkSet } from '../../access/policy/public-jwk.ts'
import { type RoleName, type Scope, scopes } from '../../access/policy/roles.ts'
import { durationSeconds, label, parseScopes, textOf } from '../arguments.ts'
import { type Json, print, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'

interface KeyFiles {
  publicKey?: string
  jwks?: string
}

interface AddOptions extends Json, KeyFiles {
  name: string
  scope: Scope[]
  role?: RoleName
  site: string
  partner?: string
  expires?: number
  certificate?: string
  certificateName?: string
}

/** `strongroom clients …` */
export function addClientsCommands(clients: Command): void {
  withKeyFiles(withJson(clients.command('add')))
    .description('make a client and show its secret, once')
    .requiredOption('--name <name>', 'what it is called', label)
    .requiredOption('--scope <scopes>', `its scopes, separated by spaces (${scopes.join(' ')})`, parseScopes)
    .option('--role <role>', 'its role: what it may reveal; without one it reveals nothing')
    .option('--site <site>', 'the site whose records it sees', label, 'default')
    .option('--partner <id>', 'the third party that it belongs to')
    .option('--certificate <file>', 'its certificate in PEM, self-signed or not: it proves itself by mutual TLS')
    .option('--certificate-name <name>', 'the same, by subject:<DN>, dns:<name>, uri:<URI> or email:<address>')
    .option('--expires <time>', 'end its secret after this time, such as 90d', durationSeconds)
    .action((options: AddOptions) => addClient(options))

  withJson(clients.command('list'))
    .description('list all clients, including revoked ones')
    .action((options: Json) =>
      withVault('clients list', async ({ commands }) => {
        const list = (await commands.listClients()).map(listed)
        print(options, list, () =>
          table(
            ['client_id', 'state', 'site', 'role', 'name', 'proof', 'partner', 'scopes'],
            list.map((client) => {
              const { client_id, revoked_at, site, role, name, keys, certificate, partner, scopes } = client
              const proof = keys ? 'key' : certificate ? 'certificate' : 'secret'
              return [client_id, revoked_at ? 'revoked' : 'live', site, role, name, proof, partner, scopes.join(' ')]
            }),
          ),
        )
      }),
    )

  withJson(clients.command('rotate-secret'))
    .description('give a client a new secret and show it, once')
    .argument('<id>')
    .option('--overlap <time>', 'let the old secret work for this time, such as 24h', durationSeconds)
    .option('--expires <time>', 'end the new secret after this time, such as 90d', durationSeconds)
    .action((id: string, options: Json & { overlap?: number; expires?: number }) =>
      withKeys('clients rotate-secret', async ({ commands }) => {
        const { overlap: overlapSeconds = 0, expires: expiresInSeconds } = options
        const secret = await commands.rotateClientSecret(operator(), id, { overlapSeconds, expiresInSeconds })
        const shown = { client_id: id, client_secret: secret.expose() }
        print(options, shown, () => `client_secret  ${shown.client_secret}`)
      }),
    )

  withKeyFiles(withJson(clients.command('replace-keys')))
    .description('replace the public keys of a client; keys that are not named are refused from now on')
    .argument('<id>')
    .action(async (id: string, options: Json & KeyFiles) => {
      const keys = await readKeys(options)
      if (keys === undefined) throw new CallerError('name the keys with --public-key or --jwks.')
      await withKeys('clients replace-keys', async ({ commands }) => {
        await commands.replaceClientKeys(operator(), id, keys)
        const kids = keys.keys.map(({ kid }) => kid)
        print(options, { client_id: id, keys: kids }, () => kids.map((kid) => `key  ${kid}`).join('\n'))
      })
    })

  withJson(clients.command('revoke'))
    .description('refuse a client from its next request on')
    .argument('<id>')
    .action((id: string, options: Json) =>
      withVault(
        'clients revoke',
        async ({ commands }) => {
          await commands.revokeClient(operator(), id)
          print(options, { client_id: id, revoked: true }, () => `revoked ${id}`)
        },
        { takesAccessAway: true },
      ),
    )
}

async function addClient(options: AddOptions): Promise<void> {
  const { name, scope, role, site, partner, expires: expiresInSeconds } = options
  const input = { name, scopes: scope, role, site, partner }
  const key = await readKey(options)
  if (key !== undefined && expiresInSeconds !== undefined) throw new CallerError('only a secret can expire.')
  await withKeys('clients add', async ({ commands }) => {
    if (key !== undefined) {
      const { id } = await commands.addClientWithKey(operator(), input, key)
      print(options, { client_id: id }, () => `client_id      ${id}`)
      return
    }
    const { id, secret } = await commands.addClient(operator(), { ...input, expiresInSeconds })
    // The one place where the secret is shown.
    const shown = { client_id: id, client_secret: secret.expose() }
    print(options, shown, () => `client_id      ${shown.client_id}\nclient_secret  ${shown.client_secret}`)
  })
}

/** What the client proves itself by; a secret when undefined. @throws {CallerError} for two ways at once */
async function readKey(options: AddOptions): Promise<{ keys: PublicJwkSet } | { certificate: string } | undefined> {
  const { publicKey, jwks, certificate, certificateName } = options
  const ways = [publicKey, jwks, certificate, certificateName].filter((way) => way !== undefined)
  if (ways.length > 1) throw new CallerError('a client proves itself in one way.')
  const { parseCertificateRegistration, registrationOf } = await import(
    '../../access/authentication/client-certificate.ts'
  )
  if (certificate !== undefined) return { certificate: registrationOf(textOf(certificate)) }
  if (certificateName !== undefined) return { certificate: parseCertificateRegistration(certificateName) }
  const keys = await readKeys(options)
  return keys && { keys }
}

function withKeyFiles(command: Command): Command {
  return command
    .option('--public-key <file>', 'its public key in PEM: it proves itself by private_key_jwt, without a secret')
    .option('--jwks <file>', 'the same, with the public keys of a JWK Set')
}

/** @throws {CallerError} for a file that holds no usable public key */
async function readKeys({ publicKey, jwks }: KeyFiles): Promise<PublicJwkSet | undefined> {
  if (publicKey !== undefined && jwks !== undefined) throw new CallerError('use one of --public-key and --jwks.')
  const { parseJwks, parsePublicKeyPem } = await import('../../access/callers/client-keys.ts')
  if (publicKey !== undefined) return parsePublicKeyPem(textOf(publicKey))
  return jwks === undefined ? undefined : parseJwks(textOf(jwks))
}

/** Absent members are left out, so that a plain client is shown plainly. */
function listed(client: Client) {
  const { id, name, role, scopes, site, created_at, revoked_at, keys } = client
  const time = (date: Date | null) => date?.toISOString()
  return {
    client_id: id,
    name,
    role,
    scopes,
    site,
    created_at: created_at.toISOString(),
    revoked_at: time(revoked_at) ?? null,
    secret_expires_at: time(client.secret_expires_at),
    previous_secret_expires_at: time(client.previous_secret_expires_at),
    keys: keys?.keys.map(({ kid }) => kid),
    certificate: client.certificate ?? undefined,
    partner: client.partner ?? undefined,
  }
}
