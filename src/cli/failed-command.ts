import { hostname } from 'node:os'
import { CallerError } from '../access/callers/clients.ts'
import { createKeylessBook, inBook } from '../audit/event/event-book.ts'
import { createNewAuditEvent } from '../audit/event/new-audit-event.ts'
import { type FailedCommand, recordFailedCommand } from '../audit/failed-command.ts'
import { type Config, ConfigError, readConfig } from '../config/config.ts'
import { NoEmbeddedDatabase } from '../embedded-postgres/embedded.ts'
import { Interrupted } from '../start/interruption.ts'
import { openVaultDatabase } from '../start/open-vault.ts'
import { Unsafe } from '../start/unsafe.ts'
import { createNewId } from '../values/identifier.ts'
import { Problem } from '../values/problem.ts'
import { createRandomBytes } from '../values/random.ts'
import type { Vault } from '../vault.ts'
import { NotConfirmed } from './confirm.ts'
import { operatorOfFailure, UnnamedOperator } from './operator.ts'
import { reportFailure } from './operator-client.ts'

/** Failures that have their event already. */
const seenTo = new WeakSet<object>()

/** Runs what a command does with the vault that it has opened. That it failed is an event under the keys of the vault. */
export async function recordFailure<T>(command: string, vault: Vault, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await recordFailed(command, error, vault)
    throw error
  }
}

/**
 * Leaves the event of a command that failed, within the limits that hold for refusals; where the database is away, the server
 * beside the command counts it in `audit.gap`. Without a configuration that can be read, or a database, there is no log.
 *
 * @param vault where it is open; otherwise the database is opened, without keys
 */
export async function recordFailed(command: string, error: unknown, vault?: Vault): Promise<void> {
  if (typeof error === 'object' && error !== null) {
    if (seenTo.has(error)) return
    seenTo.add(error)
  }
  const code = codeOf(error)
  if (code !== undefined) await leaveEvent({ command, code }, vault)
}

/** Undefined for a pause, which is no failure. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Interrupted) return undefined
  if (error instanceof Unsafe) return error.findings[0]?.code ?? error.name
  if (error instanceof Problem) return error.code
  if (error instanceof NotConfirmed) return 'not-confirmed'
  if (error instanceof UnnamedOperator) return 'unnamed-operator'
  if (error instanceof CallerError) return 'wrong-usage'
  return error instanceof Error ? error.name : 'Error'
}

async function leaveEvent(failure: FailedCommand, vault: Vault | undefined): Promise<void> {
  const config = knownConfig()
  if (config === undefined) return
  try {
    if (await write(failure, config, vault)) return
  } catch (error) {
    if (error instanceof NoEmbeddedDatabase) return
  }
  await reportFailure(config, { ...failure, operator: operatorOfFailure() }).catch(() => {
    process.stderr.write('that this command failed could not be recorded in the log.\n')
  })
}

/** Undefined if it cannot be read: then it is unknown where the log is. */
function knownConfig(): Config | undefined {
  try {
    return readConfig()
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

/** @returns false above the limits */
async function write(failure: FailedCommand, config: Config, vault: Vault | undefined): Promise<boolean> {
  if (vault !== undefined) return vault.commands.recordFailedCommand(operatorOfFailure(), failure)
  // A wrong clock must not prevent the event.
  const { database, now, close } = await openVaultDatabase(config, {
    role: 'command',
    command: failure.command,
    log: () => {},
    creates: false,
    takesAccessAway: true,
  })
  const newId = createNewId(now, createRandomBytes())
  const newAuditEvent = inBook(createKeylessBook(newId('proc')), createNewAuditEvent(now, newId, hostname()))
  const deps = { database, newAuditEvent, now }
  return recordFailedCommand(deps, config.limits.strangers, operatorOfFailure(), failure).finally(close)
}
