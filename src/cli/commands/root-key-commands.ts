import { type Command, InvalidArgumentError, Option } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { readConfig } from '../../config/config.ts'
import { type RootKeyProviderName, rootKeyProviderNames } from '../../config/option-values.ts'
import type { RootKeyReplaced } from '../../keys/lifecycle/replace-root-key.ts'
import { MAX_SHARES, MIN_THRESHOLD, requireSplitSizes } from '../../keys/root-key/custodian-shares.ts'
import { RootKeyConfigError } from '../../keys/root-key/root-key.ts'
import type { Vault } from '../../vault.ts'
import { type Json, print, printStatus, withJson } from '../command.ts'
import { holdCeremony, withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { offerShare } from '../operator-client.ts'
import { openTerminal } from '../terminal.ts'
import { withVault } from '../with-vault.ts'

interface Split {
  shares: number
  threshold: number
}

/** The configuration may name the new root key already. */
export const REPLACES = { replacesRootKey: true } as const

/** `strongroom keys ceremony` and `keys migrate-root` */
export function addRootKeyCommands(keys: Command): void {
  withSplit(withJson(keys.command('ceremony')))
    .description('make a root key that any M of N custodians open together; each sees their share at this terminal')
    .option('--reshare', 'a new root key and new shares instead of the present ones, when a custodian leaves')
    .action((options: Json & Partial<Split> & { reshare?: true }) => {
      const split = requireSplit(options)
      openTerminal('The shares of a root key')
      const ceremony = async (vault: Vault) => {
        const present = await vault.rootKeys.find()
        requireRightCommand(present?.provider, options.reshare === true)
        await runCeremony(options, split, vault)
      }
      const open = options.reshare ? withKeys : withVault
      return open('keys ceremony', ceremony, REPLACES)
    })

  withSplit(withJson(keys.command('migrate-root')))
    .description('move the root key to another provider: wraps every key again and changes no record')
    .addOption(new Option('--to <provider>', 'where to').choices(rootKeyProviderNames).makeOptionMandatory())
    .option('--dry-run', 'make a root key there, try it, remove it again, and say what was found')
    .action((options: Json & Partial<Split> & { to: RootKeyProviderName; dryRun?: true }) => {
      const rehearse = (vault: Vault) => rehearseRoot(options, vault)
      if (options.dryRun) return withVault('keys migrate-root', rehearse, { ...REPLACES, anySchema: true })
      const split = options.to === 'custodian-shares' ? requireSplit(options) : undefined
      const migrate = async (vault: Vault) => {
        if (split !== undefined) return runCeremony(options, split, vault)
        const result = await vault.rootKeys.migrate(operator(), options.to)
        print(options, { done: true, ...result }, () => `done: ${describeRoot(result)}`)
        noteLacks(result)
        printStatus(restartHint(options.to))
      }
      return withKeys('keys migrate-root', migrate, REPLACES)
    })
}

async function rehearseRoot(options: Json & { to: RootKeyProviderName }, { rootKeys }: Vault): Promise<void> {
  if (options.to === 'custodian-shares') {
    throw new RootKeyConfigError('custodians are not called together for a dry run: leave out --dry-run.')
  }
  const { provider, algorithm, lacks = [] } = await rootKeys.rehearse(options.to)
  print(
    options,
    { dry_run: true, provider, algorithm, lacks },
    () => `a root key of ${provider} would wrap by ${algorithm}; nothing was changed`,
  )
  noteLacks({ lacks })
}

/** What `strongroom keys rotate` takes. */
export interface RootRotationOptions extends Json {
  dryRun?: true
  detach?: true
  wait?: true
  rowsPerSecond?: number
  keepOldKeys?: true
}

/**
 * `strongroom keys rotate root` @throws {CallerError} for options about moving values, since no value is encrypted
 * under it
 */
export async function rotateRoot(options: RootRotationOptions): Promise<void> {
  if (options.detach || options.wait || options.rowsPerSecond !== undefined) {
    throw new CallerError(
      'error: the root key wraps a few keys and is replaced at once, here: --detach, --wait and --rows-per-second are for other keys',
    )
  }
  if (options.dryRun) {
    const preview = (vault: Vault) => previewRoot(options, vault)
    return withVault('keys rotate root', preview, { ...REPLACES, anySchema: true })
  }
  const replace = async (vault: Vault) => {
    const result = await rotateRootOf(vault)
    if (result === undefined) throw new RootKeyConfigError(CEREMONY_NEEDED)
    print(options, { done: true, ...result }, () => `done: ${describeRoot(result)}`)
    noteLacks(result)
  }
  return withKeys('keys rotate root', replace, REPLACES)
}

async function previewRoot(options: Json, { rootKeys, commands }: Vault): Promise<void> {
  const root = await rootKeys.find()
  if (root === undefined) throw new RootKeyConfigError('the vault has no root key yet.')
  const keys = (await commands.listKeys()).filter(({ wrapped }) => wrapped !== null).length
  print(
    options,
    { dry_run: true, root_key: root.id, keys },
    () =>
      `${keys} keys, which ${root.id} (${root.provider}) wraps, would be wrapped by a new root key; nothing was changed`,
  )
  if (root.provider === 'custodian-shares') printStatus(CEREMONY_NEEDED)
}

/** A new root key of the same kind in a vault that is open; undefined when it takes a ceremony. */
export async function rotateRootOf({ rootKeys }: Pick<Vault, 'rootKeys'>): Promise<RootKeyReplaced | undefined> {
  if ((await rootKeys.find())?.provider === 'custodian-shares') return undefined
  return rootKeys.rotate(operator())
}

export const CEREMONY_NEEDED =
  'custodians make their new root key together: run "strongroom keys ceremony --reshare --shares N --threshold M".'

/** The result of a change of the root key, for a person. */
export const describeRoot = ({ rewrapped, id, provider, algorithm }: RootKeyReplaced) =>
  `${rewrapped} keys are wrapped by ${id} (${provider}: ${algorithm})`

function noteLacks({ lacks }: Pick<RootKeyReplaced, 'lacks'>): void {
  if (lacks.length > 0) printStatus(`the token does not let ${lacks.join(' and ')} of the key be false.`)
}

/** It is checked before the operator is asked for anything. @throws {RootKeyConfigError} if it cannot be */
function requireSplit({ shares, threshold }: Partial<Split>): Split {
  if (shares === undefined || threshold === undefined) {
    throw new RootKeyConfigError(
      'say how many custodians there are, and how many are needed: --shares N --threshold M.',
    )
  }
  requireSplitSizes(shares, threshold)
  return { shares, threshold }
}

async function runCeremony(options: Json, { shares, threshold }: Split, vault: Vault): Promise<void> {
  const present = await vault.rootKeys.find()
  const { texts, ...result } = await holdCeremony(vault, { shares, threshold })
  const { custodians, id } = result
  print(
    options,
    { ...result, shares, threshold },
    () => `done: ${id} is held by ${custodians.join(', ')}; any ${threshold} of them open the vault`,
  )
  if (present?.provider === 'custodian-shares') await tellServer(texts.slice(0, threshold))
  else printStatus(present === undefined ? UNSEAL_HINT : restartHint('custodian-shares'))
}

/** A server that runs has the old root key, and is sealed until it is given the new one. */
async function tellServer(texts: readonly string[]): Promise<void> {
  try {
    for (const share of texts) await offerShare(readConfig(), { share, operator: operator().id })
    printStatus('the server beside this command has the new root key; on others, run "strongroom unseal".')
  } catch {
    printStatus('no server beside this command took the new root key: on each that runs, run "strongroom unseal".')
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

const UNSEAL_HINT =
  'running servers are still sealed: at each, the custodians give their shares with "strongroom unseal", one after the other.'

const restartHint = (provider: RootKeyProviderName) =>
  `running servers are sealed until they have the new root key: restart each with STRONGROOM_ROOT_KEY=${provider}.`

function withSplit(command: Command): Command {
  return command
    .option('--shares <n>', `how many custodians get a share, up to ${MAX_SHARES}`, number)
    .option('--threshold <m>', `how many of them are needed, at least ${MIN_THRESHOLD}`, number)
}

function number(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('expected a number')
  return Number(text)
}
