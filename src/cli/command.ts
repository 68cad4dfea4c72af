import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { CallerError } from '../access/clients.ts'
import { readConfig } from '../config.ts'
import type { Database } from '../database/database.ts'
import { onInterruption } from '../interruption.ts'
import { type OpenVault, type OpenVaultOptions, openVault, openVaultDatabase } from '../open-vault.ts'
import type { Strongroom } from '../strongroom.ts'
import { recordFailure } from './failed-command.ts'
import { operator, withOperator } from './operator.ts'

export { operator }

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 130 paused. */
export const FAILED = 1
export const USAGE = 2
/** Interrupted, and paused in good order: as a shell shows a program that SIGINT ended. */
export const PAUSED = 130

const interruption = onInterruption()

/** What every command takes. */
export interface Json {
  json?: true
}

/** A command that prints JSON when asked to. */
export function withJson(command: Command): Command {
  return withOperator(command.exitOverride().option('--json', 'print JSON on stdout, everything else on stderr'))
}

/** One JSON document on stdout, or text for a person. */
export function print(options: Json, value: unknown, text: () => string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value) : text()}\n`)
}

/** A line for the person at the terminal. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** What a command is opened for. */
export type CommandNeeds = Pick<OpenVaultOptions, 'takesAccessAway' | 'seesOutside' | 'replacesRootKey'>

/** Opens the vault for one command, until it is done or interrupted. */
export async function withVault(
  command: string,
  work: (strongroom: Strongroom, openAsOwner: OpenVault['openAsOwner']) => Promise<void>,
  options: CommandNeeds = {},
): Promise<void> {
  const vault = await openForCommand(command, options)
  const { strongroom, openAsOwner } = vault
  try {
    await recordFailure(command, () => Promise.race([work(strongroom, openAsOwner), interruption]), strongroom)
  } finally {
    await vault.close()
  }
}

/** Opens the database of the vault and nothing else: no key is needed, and none is opened. */
export async function withVaultDatabase<T>(command: string, work: (database: Database) => Promise<T>): Promise<T> {
  return recordFailure(command, async () => {
    const vault = await openVaultDatabase(readConfig(), { role: 'command', command, log: note })
    try {
      return await Promise.race([work(vault.database), interruption])
    } finally {
      await vault.close()
    }
  })
}

/** Opens the vault for a command that ends by itself, at a good moment, when the signal comes. */
export async function withPausableVault(
  command: string,
  work: (strongroom: Strongroom, signal: AbortSignal) => Promise<void>,
  options: CommandNeeds = {},
): Promise<void> {
  const vault = await openForCommand(command, options)
  const { strongroom } = vault
  const abort = new AbortController()
  interruption.catch(() => abort.abort())
  try {
    await recordFailure(command, () => work(strongroom, abort.signal), strongroom)
  } finally {
    await vault.close()
  }
}

function openForCommand(command: string, options: CommandNeeds = {}): Promise<OpenVault> {
  return recordFailure(command, () => openVault(readConfig(), { role: 'command', command, log: note, ...options }))
}

/**
 * Asks the person at the terminal to type a word before something that cannot be undone.
 *
 * @throws {CallerError} when there is nobody to ask, or something else was typed
 */
export async function confirm(question: string, word: string, isConfirmed: boolean): Promise<void> {
  if (isConfirmed) return
  if (!process.stdin.isTTY) throw new CallerError('this cannot be undone: say --yes.')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const typed = await terminal.question(question).finally(() => terminal.close())
  if (typed.trim() !== word) throw new CallerError('nothing was done.')
}
