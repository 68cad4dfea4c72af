import { Command, CommanderError } from 'commander'
import { CallerError } from '../access/ledger/caller-error.ts'
import { version } from '../config/version.ts'
import { endOnUncaughtErrors } from '../start/uncaught-errors.ts'
import { FAILED, type Json, printStatus, USAGE, withJson } from './command.ts'
import { type CommandGroupName, commandGroups } from './command-groups.ts'
import type { ForwardOptions } from './forward-command.ts'

/** Commands that note no operator: the start of a server, and those that do not open the vault. */
const WITHOUT_VAULT = new Set(['serve', 'certs dev', 'policy check', 'policy example', 'roles check'])

/** The whole name of a command, without the program's: `clients revoke`. */
function nameOf(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name()
}

/**
 * The program; nothing has run yet. Actions are loaded when they run.
 *
 * @param isAsked whether the commands of a group are needed; another group has its name alone
 */
export async function createProgram(isAsked: (group: CommandGroupName) => boolean = () => true): Promise<Command> {
  const program = new Command('strongroom')
    .description('A vault for checkout payment data.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
  const addGroups = async (...names: CommandGroupName[]) => {
    for (const name of names) {
      const { description, load } = commandGroups[name]
      const group = program.command(name).description(description)
      if (isAsked(name)) (await load())(group)
    }
  }

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
      const { migrate } = await import('./commands/migrate-command.ts')
      await migrate(options)
    })

  withJson(program.command('doctor'))
    .description('examine the configuration, the key files and the database')
    .action(async (options: Json) => {
      const { examine } = await import('./commands/doctor-command.ts')
      await examine(options)
    })

  await addGroups(
    'clients',
    'staff',
    'issuers',
    'roles',
    'access',
    'partners',
    'notices',
    'withholding',
    'policy',
    'destinations',
    'keys',
  )

  withJson(program.command('visits'))
    .description('show how the pages for shoppers were visited, by day, as counts without a person')
    .option('--since <day>', 'the first day, YYYY-MM-DD')
    .option('--until <day>', 'the day after the last one, YYYY-MM-DD')
    .action(async (options: Json & { since?: string; until?: string }) => {
      const { showVisits } = await import('./privacy/visits-command.ts')
      await showVisits(options)
    })

  withJson(program.command('forward'))
    .description('show the request that a destination would be sent, with its values masked; nothing is sent')
    .argument('<destination>')
    .requiredOption('--dry-run', 'send nothing; only callers of the API send')
    .option('--card <token>', 'the card that goes along')
    .option('--billing-address <token>', 'the address of the bill')
    .option('--shipping-address <token>', 'the address of the delivery')
    .option('--contact <token>', 'the contact')
    .option('--input <file>', 'a JSON object of what the template asks for')
    .option('--method <method>', 'one of the methods of the destination; default: its first')
    .option('--site <site>', 'the site of the records', 'default')
    .action(async (destination: string, options: ForwardOptions) => {
      const { showForward } = await import('./forward-command.ts')
      await showForward(destination, options)
    })

  withJson(program.command('unseal'))
    .description('give the share of one custodian to the running server, which opens when it has enough shares')
    .allowExcessArguments()
    .action(async (options: Json, command: Command) => {
      const { unseal } = await import('./commands/unseal-command.ts')
      await unseal(options, command)
    })

  await addGroups('records', 'retention', 'audit', 'restore')

  withJson(program.command('certs').description('certificates').command('dev'))
    .description('make a development certificate if there is none')
    .action(async (options: Json) => {
      const { makeCertificate } = await import('./commands/certs-command.ts')
      await makeCertificate(options)
    })

  return program
}

/** Runs the command that the arguments name; sets the exit code. */
export async function runProgram(): Promise<void> {
  endOnUncaughtErrors()
  const words = new Set(process.argv.slice(2))
  const program = await createProgram((group) => words.has(group))
  let running: string | undefined
  program.hook('preAction', async (_program, command) => {
    running = nameOf(command)
    const { nameOperator } = await import('./operator.ts')
    nameOperator(running, command.opts<{ as?: string }>().as)
  })

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
      const { explain } = await import('../start/explain.ts')
      process.stderr.write(explain(error, 'The command failed'))
      process.exitCode = FAILED
    }
    if (running === undefined || WITHOUT_VAULT.has(running)) return
    const { recordFailed } = await import('./failed-command.ts')
    await recordFailed(running, error)
  }
}
