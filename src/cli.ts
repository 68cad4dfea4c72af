#!/usr/bin/env node
import './current-node.ts'
import { Command, InvalidArgumentError, Option } from 'commander'
import { CallerError } from './access/clients.ts'
import { type Purpose, purposes } from './access/purpose.ts'
import { type RoleName, type Scope, scopes } from './access/roles.ts'
import { auditEventTypes } from './audit/audit-event.ts'
import { addAccessCommands } from './cli/access-commands.ts'
import { FAILED, type Json, note, operator, print, USAGE, withJson, withVault } from './cli/command.ts'
import { addKeysCommands } from './cli/keys-commands.ts'
import { addPartnersCommands } from './cli/partners-commands.ts'
import { addRolesCommands } from './cli/roles-commands.ts'
import { readConfig } from './config.ts'
import { ensureDevelopmentCertificate } from './http/development-certificate.ts'
import { endOnUncaughtErrors, explain, runServer } from './main.ts'
import { examineVault, migrateVault } from './open-vault.ts'
import { version } from './version.ts'

const program = new Command('strongroom')
  .description('A vault for checkout payment data.')
  .version(version)
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })

withJson(program.command('serve'))
  .description('start the vault')
  .action(() => runServer())

withJson(program.command('migrate'))
  .description('apply pending migrations, as the owner of the schema')
  .action(async (options: Json) => {
    const applied = await migrateVault(readConfig(), { role: 'command', command: 'migrate', log: note })
    print(options, applied, () =>
      applied.length === 0 ? 'nothing to do' : applied.map((name) => `applied ${name}`).join('\n'),
    )
  })

withJson(program.command('doctor'))
  .description('examine the configuration, the key files and the database')
  .action(async (options: Json) => {
    const findings = await examineVault(readConfig(), { role: 'command', command: 'doctor', log: note })
    print(
      options,
      findings,
      () =>
        findings
          .map(({ code, severity, detail }) => `${severity === undefined ? '' : `${severity}: `}${code}: ${detail}`)
          .join('\n') || 'nothing unsafe was found',
    )
    if (findings.some(({ severity }) => severity === undefined)) process.exitCode = FAILED
  })

const clients = program.command('clients').description('the programs that may call the vault')

withJson(clients.command('add'))
  .description('make a client and show its secret, once')
  .requiredOption('--name <name>', 'what it is called', label)
  .requiredOption('--scope <scopes>', `its scopes, separated by spaces (${scopes.join(' ')})`, parseScopes)
  .option('--role <role>', 'its role: what it may reveal; without one it reveals nothing')
  .option('--site <site>', 'the site whose records it sees', label, 'default')
  .option('--partner <id>', 'the third party that it belongs to')
  .action((options: Json & { name: string; scope: Scope[]; role?: RoleName; site: string; partner?: string }) =>
    withVault('clients add', async ({ commands }) => {
      const { name, scope, role, site, partner } = options
      const { id, secret } = await commands.addClient(operator(), { name, scopes: scope, role, site, partner })
      // The one place where the secret is shown.
      const shown = { client_id: id, client_secret: secret.expose() }
      print(options, shown, () => `client_id      ${shown.client_id}\nclient_secret  ${shown.client_secret}`)
    }),
  )

withJson(clients.command('list'))
  .description('all clients, the revoked ones too')
  .action((options: Json) =>
    withVault('clients list', async ({ commands }) => {
      const list = (await commands.listClients()).map(({ created_at, revoked_at, id, ...client }) => ({
        client_id: id,
        ...client,
        created_at: created_at.toISOString(),
        revoked_at: revoked_at?.toISOString() ?? null,
      }))
      print(options, list, () =>
        list
          .map(
            (c) =>
              `${c.client_id}  ${c.revoked_at ? 'revoked' : 'live   '}  ${c.site}  ${c.role ?? '-'}  ${c.name}  [${c.scopes.join(' ')}]`,
          )
          .join('\n'),
      )
    }),
  )

withJson(clients.command('rotate-secret'))
  .description('give a client a new secret and show it, once')
  .argument('<id>')
  .action((id: string, options: Json) =>
    withVault('clients rotate-secret', async ({ commands }) => {
      const secret = await commands.rotateClientSecret(operator(), id)
      const shown = { client_id: id, client_secret: secret.expose() }
      print(options, shown, () => `client_secret  ${shown.client_secret}`)
    }),
  )

withJson(clients.command('revoke'))
  .description('refuse a client from its next request on')
  .argument('<id>')
  .action((id: string, options: Json) =>
    withVault('clients revoke', async ({ commands }) => {
      await commands.revokeClient(operator(), id)
      print(options, { client_id: id, revoked: true }, () => `revoked ${id}`)
    }),
  )

withJson(program.command('staff').description('tokens for people').command('token'))
  .description('sign a short access token for a member of staff')
  .requiredOption('--name <name>', 'whose token it is', label)
  .requiredOption('--role <role>', 'their role')
  .addOption(
    new Option('--purpose <purpose...>', "narrow the role's purposes").choices(purposes).default([], 'all of them'),
  )
  .option('--site <site>', 'the site whose records they see', label, 'default')
  .option('--minutes <minutes>', 'how long it lives', Number, 15)
  .action((options: Json & { name: string; role: RoleName; purpose: Purpose[]; site: string; minutes: number }) =>
    withVault('staff token', async ({ commands }) => {
      const { name, role, purpose, site, minutes } = options
      const token = await commands.issueStaffToken(operator(), { name, role, purposes: purpose, site, minutes })
      print(options, token, () => token.access_token)
    }),
  )

addRolesCommands(program)
addAccessCommands(program)
addPartnersCommands(program)
addKeysCommands(program)

withJson(program.command('audit').description('the audit log').command('list'))
  .description('a page of events, in the order of time')
  .option('--token <token>', 'only events of this record')
  .option('--caller <caller>', 'only events of this caller')
  .addOption(new Option('--type <type>', 'only events of this type').choices(auditEventTypes))
  .option('--after <event>', 'only events after this one')
  .option('--limit <count>', 'at most so many', count, 100)
  .action((options: Json & { token?: string; caller?: string; type?: string; after?: string; limit: number }) =>
    withVault('audit list', async ({ commands }) => {
      const { json: _json, ...filter } = options
      const events = await commands.listAuditEvents(operator(), filter)
      print(options, events, () => events.map((event) => JSON.stringify(event)).join('\n'))
    }),
  )

withJson(program.command('certs').description('certificates').command('dev'))
  .description('make a development certificate where there is none')
  .action(async (options: Json) => {
    const { certsDir } = readConfig().tls
    const created = await ensureDevelopmentCertificate({ certsDir })
    print(options, { created, certs_dir: certsDir }, () =>
      created ? `made ${certsDir}/ca.pem and server.pem` : 'a certificate is there already',
    )
  })

function parseScopes(text: string): Scope[] {
  const wanted = text.trim().split(/[\s,]+/)
  const unknown = wanted.filter((scope) => !(scopes as readonly string[]).includes(scope))
  if (unknown.length > 0) throw new InvalidArgumentError(`known scopes are: ${scopes.join(' ')}`)
  return [...new Set(wanted)] as Scope[]
}

/** A name that a person reads in lists and in the audit log. */
function label(text: string): string {
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/_@-]{0,63}$/u.test(text))
    throw new InvalidArgumentError('use up to 64 letters, digits, spaces and ordinary punctuation')
  return text
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 10_000) throw new InvalidArgumentError('expected 1 to 10000')
  return value
}

endOnUncaughtErrors()

try {
  await program.parseAsync()
} catch (error) {
  const { exitCode, code } = error as { exitCode?: number; code?: string }
  if (code?.startsWith('commander.')) {
    process.exitCode = exitCode === 0 ? 0 : USAGE
  } else if (error instanceof CallerError) {
    note(error.message)
    process.exitCode = USAGE
  } else {
    process.stderr.write(explain(error, 'The command failed'))
    process.exitCode = FAILED
  }
}
