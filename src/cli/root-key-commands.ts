import { type Command, InvalidArgumentError, Option } from 'commander'
import { readConfig } from '../config.ts'
import type { RootKeyReplaced } from '../keys/replace-root-key.ts'
import { MAX_SHARES, MIN_THRESHOLD } from '../keys/root-key/custodian-shares.ts'
import { RootKeyConfigError, type RootKeyProviderName, rootKeyProviderNames } from '../keys/root-key/root-key.ts'
import type { Strongroom } from '../strongroom.ts'
import { FAILED, type Json, note, operator, print, USAGE, withJson, withVault } from './command.ts'
import { holdCeremony, NOT_ACCEPTED, withKeys } from './custodians.ts'
import { offerShare } from './operator-client.ts'
import { openTerminal } from './terminal.ts'

interface Split {
  shares: number
  threshold: number
}

/** `strongroom unseal` */
export function addUnsealCommand(program: Command): void {
  withJson(program.command('unseal'))
    .description("give one custodian's share to the running server, which opens when it has enough")
    .allowExcessArguments()
    .action(async (options: Json, command: Command) => {
      if (command.args.length > 0) {
        // What was given is not repeated: it may be a share.
        note(
          'error: unseal takes no arguments; a share that was one is in the history of the shell, and must be replaced',
        )
        process.exitCode = USAGE
        return
      }
      const terminal = openTerminal('The shares of the root key')
      const share = await terminal.askSecret('Your share: ')
      const status = await offerShare(readConfig(), { share, operator: operator().id })
      if (!status.accepted && !status.open) process.exitCode = FAILED
      print(options, status, () => describe(status))
    })
}

function describe({ accepted, open, given, needed }: Awaited<ReturnType<typeof offerShare>>): string {
  if (open) return 'the vault is open'
  return accepted ? `${given} of ${needed} shares; the vault stays sealed` : NOT_ACCEPTED
}

/** `strongroom keys ceremony` and `keys migrate-root` */
export function addRootKeyCommands(keys: Command): void {
  withSplit(withJson(keys.command('ceremony')))
    .description('make a root key that any M of N custodians open together; each is shown their share at this terminal')
    .option('--reshare', 'a new root key and new shares in the place of the present ones, when a custodian leaves')
    .action((options: Json & Partial<Split> & { reshare?: true }) => {
      openTerminal('The shares of a root key')
      const ceremony = async (strongroom: Strongroom) => {
        const present = await strongroom.rootKeys.find()
        requireRightCommand(present?.provider, options.reshare === true)
        await runCeremony(options, strongroom)
      }
      return options.reshare ? withKeys('keys ceremony', ceremony) : withVault('keys ceremony', ceremony)
    })

  withSplit(withJson(keys.command('migrate-root')))
    .description('move the root key to another provider: wraps every key again, and touches no record')
    .addOption(new Option('--to <provider>', 'where to').choices(rootKeyProviderNames).makeOptionMandatory())
    .action((options: Json & Partial<Split> & { to: RootKeyProviderName }) =>
      withKeys('keys migrate-root', async (strongroom) => {
        if (options.to === 'custodian-shares') return runCeremony(options, strongroom)
        const result = await strongroom.rootKeys.migrate(operator(), options.to)
        print(options, { done: true, ...result }, () => described(result))
        note(restartHint(options.to))
      }),
    )
}

/** `strongroom keys rotate root` */
export function rotateRoot(options: Json): Promise<void> {
  return withKeys('keys rotate root', async (strongroom) => {
    const result = await rotateRootOf(strongroom)
    if (result === undefined) throw new RootKeyConfigError(CEREMONY_NEEDED)
    print(options, { done: true, ...result }, () => described(result))
  })
}

/** A new root key of the same kind in a vault that is open; undefined when it takes a ceremony. */
export async function rotateRootOf({ rootKeys }: Pick<Strongroom, 'rootKeys'>): Promise<RootKeyReplaced | undefined> {
  if ((await rootKeys.find())?.provider === 'custodian-shares') return undefined
  return rootKeys.rotate(operator())
}

export const CEREMONY_NEEDED =
  'custodians make their new root key together: run "strongroom keys ceremony --reshare --shares N --threshold M".'

const described = ({ rewrapped, id, provider }: { rewrapped: number; id: string; provider: string }) =>
  `done: ${rewrapped} keys are wrapped by ${id} (${provider})`

async function runCeremony(options: Json & Partial<Split>, strongroom: Strongroom): Promise<void> {
  const { shares, threshold } = options
  if (shares === undefined || threshold === undefined) {
    throw new RootKeyConfigError(
      'say how many custodians there are, and how many are needed: --shares N --threshold M.',
    )
  }
  const present = await strongroom.rootKeys.find()
  const { texts, ...result } = await holdCeremony(strongroom, { shares, threshold })
  const { custodians, id } = result
  print(
    options,
    { ...result, shares, threshold },
    () => `done: ${id} is held by ${custodians.join(', ')}; any ${threshold} of them open the vault`,
  )
  if (present?.provider === 'custodian-shares') await tellServer(texts.slice(0, threshold))
  else note(restartHint('custodian-shares'))
}

/** A server that runs has the old root key: given the new one now, it can take up keys that are made later. */
async function tellServer(texts: readonly string[]): Promise<void> {
  try {
    for (const share of texts) await offerShare(readConfig(), { share, operator: operator().id })
    note('the server beside this command has the new root key; on others, run "strongroom unseal".')
  } catch {
    note('no server beside this command took the new root key: on each that runs, run "strongroom unseal".')
  }
}

function requireRightCommand(present: string | undefined, reshare: boolean): void {
  const wrong =
    present === undefined
      ? reshare && 'the vault has no root key yet: leave out --reshare.'
      : present === 'custodian-shares'
        ? !reshare && 'the vault has its custodians: --reshare makes a new root key and new shares.'
        : `the root key comes from ${present}: run "strongroom keys migrate-root --to custodian-shares".`
  if (wrong) throw new RootKeyConfigError(wrong)
}

const restartHint = (provider: RootKeyProviderName) =>
  `servers that run go on with the keys in their memory: restart each with STRONGROOM_ROOT_KEY=${provider}, before keys are rotated or the old root key is removed.`

function withSplit(command: Command): Command {
  return command
    .option('--shares <n>', `how many custodians get a share, up to ${MAX_SHARES}`, number)
    .option('--threshold <m>', `how many of them are needed, at least ${MIN_THRESHOLD}`, number)
}

function number(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('expected a number')
  return Number(text)
}
