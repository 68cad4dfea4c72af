import { createInterface } from 'node:readline/promises'
import { CallerError } from '../access/ledger/caller-error.ts'

/** The person at the terminal did not say that they mean it. */
export class NotConfirmed extends CallerError {}

/**
 * Asks the person at the terminal to type a word before something that cannot be undone.
 *
 * @throws {NotConfirmed} if there is no terminal, or another word was typed
 */
export async function confirm(question: string, word: string, isConfirmed: boolean): Promise<void> {
  if (isConfirmed) return
  if (!process.stdin.isTTY) throw new NotConfirmed('this cannot be undone: say --yes.')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const typed = await terminal.question(question).finally(() => terminal.close())
  if (typed.trim() !== word) throw new NotConfirmed('nothing was done.')
}
