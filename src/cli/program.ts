import '../start/buffer-sweeping.ts'
import { Command, CommanderError } from 'commander'
import { CallerError } from '../access/callers/clients.ts'
import { readConfig } from '../config/config.ts'
import { version } from '../config/version.ts'
import { ensureDevelopmentCertificate } from '../http/tls/development-certificate.ts'
import { examinePassphrases } from '../start/doctor/examine-passphrases.ts'
import { explain } from '../start/explain.ts'
import { examineVault, migrateVault } from '../start/open-vault.ts'
import { endOnUncaughtErrors } from '../start/uncaught-errors.ts'
import { Unsafe } from '../start/unsafe.ts'
import { FAILED, type Json, operator, print, printStatus, USAGE, withJson, withVault } from './command.ts'
import { addAccessCommands } from './commands/access-commands.ts'
import { addAuditCommands } from './commands/audit-commands.ts'
import { addClientsCommands } from './commands/clients-commands.ts'
import { addIssuersCommands } from './commands/issuers-commands.ts'
import { addKeysCommands } from './commands/keys-commands.ts'
import { addPartnersCommands } from './commands/partners-commands.ts'
import { addRecordsCommands } from './commands/records-commands.ts'
import { addRestoreCommands } from './commands/restore-commands.ts'
import { addRolesCommands } from './commands/roles-commands.ts'
import { addUnsealCommand } from './commands/root-key-commands.ts'
import { addStaffCommands } from './commands/staff-commands.ts'
import { recordFailed } from './failed-command.ts'
import { nameOperator } from './operator.ts'

/** A server's start is no operator's command, and the others have nothing to do with the vault. */
const WITHOUT_VAULT = new Set(['serve', 'certs dev', 'roles check'])

/** The whole name of a command, without the program's: `clients revoke`. */
function nameOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name()
}

function acceptChangedSchema(options: Json, hash: string): Promise<void> {
  return withVault('migrate', async ({ commands }) => {
    const { differences } = await commands.acceptSchema(operator(), hash)
    print(options, { accepted: differences, hash }, () => differences.map((one) => `accepted: ${one}`).join('\n'))
  })
}

/** All commands; nothing has run yet. */
export function createProgram(): Command {
  const program = new Command('strongroom')
    .description('A vault for checkout payment data.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })

  withJson(program.command('serve'))
    .description('start the vault')
    .action(async () => {
      const { runServer } = await import('../start/run-server.ts')
      await runServer()
    })

  withJson(program.command('migrate'))
    .description('apply pending migrations, as the owner of the schema')
    .option('--accept-schema <hash>', 'accept the schema as it is, by the hash that doctor says; applies nothing')
    .action(async (options: Json & { acceptSchema?: string }) => {
      if (options.acceptSchema !== undefined) return acceptChangedSchema(options, options.acceptSchema)
      const applied = await migrateVault(readConfig(), { role: 'command', command: 'migrate', log: printStatus })
      print(options, applied, () =>
        applied.length === 0 ? 'nothing to do' : applied.map((name) => `applied ${name}`).join('\n'),
      )
    })

  withJson(program.command('doctor'))
    .description('examine the configuration, the key files and the database')
    .action(async (options: Json) => {
      const config = readConfig()
      const findings = [
        ...(await examineVault(config, { role: 'command', command: 'doctor', log: printStatus })),
        ...(await examinePassphrases(config)),
      ]
      print(
        options,
        findings,
        () =>
          findings
            .map(({ code, severity, detail }) => `${severity === undefined ? '' : `${severity}: `}${code}: ${detail}`)
            .join('\n') || 'nothing unsafe was found',
      )
      const refusals = findings.filter(({ severity }) => severity === undefined)
      if (refusals.length === 0) return
      process.exitCode = FAILED
      await recordFailed('doctor', new Unsafe(refusals))
    })

  addClientsCommands(program)

  addStaffCommands(program)
  addIssuersCommands(program)

  addRolesCommands(program)
  addAccessCommands(program)
  addPartnersCommands(program)
  addKeysCommands(program)
  addUnsealCommand(program)
  addRecordsCommands(program)

  addAuditCommands(program)
  addRestoreCommands(program)

  withJson(program.command('certs').description('certificates').command('dev'))
    .description('make a development certificate if there is none')
    .action(async (options: Json) => {
      const { certsDir } = readConfig().tls
      const created = await ensureDevelopmentCertificate({ certsDir })
      print(options, { created, certs_dir: certsDir }, () =>
        created ? `made ${certsDir}/ca.pem and server.pem` : 'a certificate is there already',
      )
    })

  return program
}

/** Runs the command that the arguments name; sets the exit code. */
export async function runProgram(): Promise<void> {
  const program = createProgram()
  let running: string | undefined
  program.hook('preAction', (_program, command) => {
    running = nameOf(command)
    nameOperator(running, command.opts<{ as?: string }>().as)
  })

  endOnUncaughtErrors()

  try {
    await program.parseAsync()
  } catch (error) {
    // Nothing has begun: the program does not know the arguments.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : USAGE
      return
    }
    if (error instanceof CallerError) {
      printStatus(error.message)
      process.exitCode = USAGE
    } else {
      process.stderr.write(explain(error, 'The command failed'))
      process.exitCode = FAILED
    }
    if (running !== undefined && !WITHOUT_VAULT.has(running)) await recordFailed(running, error)
  }
}
