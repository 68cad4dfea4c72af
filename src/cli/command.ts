import type { Command } from 'commander'

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 130 paused. */
export const FAILED = 1
export const USAGE = 2
/** Interrupted, and paused in good order: as a shell shows a program that SIGINT ended. */
export const PAUSED = 130

/** What every command takes. */
export interface Json {
  json?: true
}

/** A command that prints JSON when asked to. */
export function withJson(command: Command): Command {
  return withOperator(command.exitOverride().option('--json', 'print JSON on stdout, everything else on stderr'))
}

/** A command that names its operator when asked to. */
export function withOperator(command: Command): Command {
  return command.option(
    '--as <name>',
    'who runs it, for the audit log; otherwise STRONGROOM_OPERATOR, SUDO_USER or the account',
  )
}

/** One JSON document on stdout, or text for a person. */
export function print(options: Json, value: unknown, text: () => string): void {
  process.stdout.write(`${options.json ? JSON.stringify(value) : text()}\n`)
}

/** A line for the person at the terminal. */
export function printStatus(line: string): void {
  process.stderr.write(`${line}\n`)
}
