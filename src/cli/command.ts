import { userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { CallerError } from '../access/clients.ts'
import type { AuditCaller } from '../audit/audit-event.ts'
import { readConfig } from '../config.ts'
import { onInterruption } from '../interruption.ts'
import { openVault } from '../open-vault.ts'
import type { Strongroom } from '../strongroom.ts'

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
export const FAILED = 1
export const USAGE = 2

const interruption = onInterruption()

/** What every command takes. */
export interface Json {
  json?: true
}

/** A command that prints JSON when asked to. */
export function withJson(command: Command): Command {
  return command.exitOverride().option('--json', 'print JSON on stdout, everything else on stderr')
}

/** One JSON document on stdout, or text for a person. */
export function print(options: Json, value: unknown, text: () => string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value) : text()}\n`)
}

/** A line for the person at the terminal. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Opens the vault for one command, until it is done or interrupted. */
export async function withVault(command: string, work: (strongroom: Strongroom) => Promise<void>): Promise<void> {
  const vault = await openVault(readConfig(), { role: 'command', command, log: note })
  try {
    await Promise.race([work(vault.strongroom), interruption])
  } finally {
    await vault.close()
  }
}

/** Who is at the terminal, for the audit log. */
export function operator(): AuditCaller {
  return { id: `operator:${userInfo().username}`, kind: 'operator' }
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
