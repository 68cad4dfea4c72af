import { readConfig } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import { onInterruption } from '../start/interruption.ts'
import type { OpenVault, OpenVaultOptions } from '../start/open-vault.ts'
import type { Vault } from '../vault.ts'
import { printStatus } from './command.ts'
import { recordFailure } from './failed-command.ts'

const interruption = onInterruption()

/** What a command needs of the vault that it opens. */
export interface CommandNeeds extends Pick<OpenVaultOptions, 'takesAccessAway' | 'seesOutside' | 'replacesRootKey'> {
  /** It changes nothing, so it also runs on a changed schema. */
  anySchema?: boolean
}

/** Commands that only read. Their reading is an event, and the command checks that it is there. */
const LOOKING = new Set([
  ...['access explain', 'access review', 'access suspended', 'audit export', 'audit key', 'audit list', 'audit review'],
  ...['audit tail', 'audit verify', 'clients list', 'destinations check', 'destinations export', 'forward'],
  ...['destinations secret list', 'issuers check', 'keys inventory', 'keys list', 'keys status', 'notices list'],
  ...['partners list', 'partners report', 'policy list', 'policy show', 'records erasure-ledger', 'records verify'],
  ...['retention hold list', 'retention verify', 'roles export', 'visits', 'withholding list'],
  // With --accept-schema the command is the cure.
  'migrate',
])

/** Opens the vault for one command, until it is done or interrupted. */
export async function withVault(
  command: string,
  work: (vault: Vault, openAsOwner: OpenVault['openAsOwner']) => Promise<void>,
  needs: CommandNeeds = {},
): Promise<void> {
  const vault = await openForCommand(command, needs)
  const run = async () => {
    await requireSchema(command, vault, needs)
    await work(vault, vault.openAsOwner)
  }
  try {
    await recordFailure(command, vault, () => Promise.race([run(), interruption]))
  } finally {
    await vault.close()
  }
}

/** Opens the database of the vault and nothing else: no key is needed, and none is opened. */
export async function withVaultDatabase<T>(command: string, work: (database: Database) => Promise<T>): Promise<T> {
  const { openVaultDatabase } = await import('../start/open-vault.ts')
  const vault = await openVaultDatabase(readConfig(), { role: 'command', command, log: printStatus })
  try {
    return await Promise.race([work(vault.database), interruption])
  } finally {
    await vault.close()
  }
}

/** Opens the vault for a command that stops at a good moment after the signal. */
export async function withPausableVault(
  command: string,
  work: (vault: Vault, signal: AbortSignal) => Promise<void>,
  needs: CommandNeeds = {},
): Promise<void> {
  const vault = await openForCommand(command, needs)
  const abort = new AbortController()
  interruption.catch(() => abort.abort())
  const run = async () => {
    await requireSchema(command, vault, needs)
    await work(vault, abort.signal)
  }
  try {
    await recordFailure(command, vault, run)
  } finally {
    await vault.close()
  }
}

/**
 * A changed schema may swallow what a command writes. Without keys it is unknown whether an operator has accepted the
 * change. Commands that take access away continue then, and check for themselves whether it is done.
 *
 * @throws {Problem} schema-changed
 */
export async function requireSchema(command: string, vault: Vault, needs: CommandNeeds): Promise<void> {
  if (needs.anySchema || LOOKING.has(command)) return
  try {
    await vault.commands.requireOwnSchema()
  } catch (error) {
    if (!needs.takesAccessAway || vault.sealedBecause() === undefined) throw error
    printStatus(
      'warning: the schema was changed outside the vault; without the root key it is unknown whether the change was accepted.',
    )
  }
}

async function openForCommand(command: string, needs: CommandNeeds): Promise<OpenVault> {
  const { openVault } = await import('../start/open-vault.ts')
  return openVault(readConfig(), { role: 'command', command, log: printStatus, ...needs })
}
