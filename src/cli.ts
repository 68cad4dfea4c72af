#!/usr/bin/env node
import './current-node.ts'
import './buffer-sweeping.ts'
import { Command } from 'commander'
import { CallerError } from './access/clients.ts'
import { addAccessCommands } from './cli/access-commands.ts'
import { addAuditCommands } from './cli/audit-commands.ts'
import { addClientsCommands } from './cli/clients-commands.ts'
import { FAILED, type Json, note, print, USAGE, withJson } from './cli/command.ts'
import { addIssuersCommands } from './cli/issuers-commands.ts'
import { addKeysCommands } from './cli/keys-commands.ts'
import { addPartnersCommands } from './cli/partners-commands.ts'
import { addRolesCommands } from './cli/roles-commands.ts'
import { addUnsealCommand } from './cli/root-key-commands.ts'
import { addStaffCommands } from './cli/staff-commands.ts'
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

addClientsCommands(program)

addStaffCommands(program)

addIssuersCommands(program)

addRolesCommands(program)
addAccessCommands(program)
addPartnersCommands(program)
addKeysCommands(program)
addUnsealCommand(program)

addAuditCommands(program)

withJson(program.command('certs').description('certificates').command('dev'))
  .description('make a development certificate where there is none')
  .action(async (options: Json) => {
    const { certsDir } = readConfig().tls
    const created = await ensureDevelopmentCertificate({ certsDir })
    print(options, { created, certs_dir: certsDir }, () =>
      created ? `made ${certsDir}/ca.pem and server.pem` : 'a certificate is there already',
    )
  })

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
