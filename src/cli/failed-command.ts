import { CallerError } from '../access/ledger/caller-error.ts'
import { Interrupted } from '../start/interruption.ts'
import { Unsafe } from '../start/unsafe.ts'
import { Problem } from '../values/problem.ts'
import type { Vault } from '../vault.ts'
import { NotConfirmed } from './confirm.ts'
import { UnnamedOperator } from './operator.ts'

/** Failures that have their event already. */
const seenTo = new WeakSet<object>()

/** Runs what a command does with its open vault. A failure is an event under the keys of the vault. */
export async function recordFailure<T>(command: string, vault: Vault, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await recordFailed(command, error, vault)
    throw error
  }
}

/**
 * Leaves the event of a failed command, within the limits of refusals. If the database is away, the server beside the
 * command counts the failure in `audit.gap`. Without a readable configuration or a database there is no log.
 *
 * @param vault if it is open; otherwise the database is opened, without keys
 */
export async function recordFailed(command: string, error: unknown, vault?: Vault): Promise<void> {
  if (typeof error === 'object' && error !== null) {
    if (seenTo.has(error)) return
    seenTo.add(error)
  }
  const code = codeOf(error)
  if (code === undefined) return
  const { leaveEvent } = await import('./failure-event.ts')
  await leaveEvent({ command, code }, vault)
}

/** Undefined for a pause, which is not a failure. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Interrupted) return undefined
  if (error instanceof Unsafe) return error.findings[0]?.code ?? error.name
  if (error instanceof Problem) return error.code
  if (error instanceof NotConfirmed) return 'not-confirmed'
  if (error instanceof UnnamedOperator) return 'unnamed-operator'
  if (error instanceof CallerError) return 'wrong-usage'
  return error instanceof Error ? error.name : 'Error'
}
