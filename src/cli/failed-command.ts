import { hostname } from 'node:os'
import { CallerError } from '../access/clients.ts'
import { createNewAuditEvent } from '../audit/audit-event.ts'
import { createKeylessBook, inBook } from '../audit/event-book.ts'
import { type FailedCommand, recordFailedCommand } from '../audit/failed-command.ts'
import { ConfigError, readConfig } from '../config.ts'
import { createNewId } from '../identifier.ts'
import { Interrupted } from '../interruption.ts'
import { createRandomBytes } from '../keys/random.ts'
import { openVaultDatabase, Unsafe } from '../open-vault.ts'
import { Problem } from '../problem.ts'
import type { Strongroom } from '../strongroom.ts'
import { operator } from './operator.ts'
import { reportFailure } from './operator-client.ts'

/**
 * Runs what a command does with the vault. That it failed is an event, within the limits that hold for refusals; where the
 * database is away, the server beside the command counts it in `audit.gap`.
 *
 * @param vault where it is open already
 */
export async function recordFailure<T>(command: string, work: () => Promise<T>, vault?: Strongroom): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = codeOf(error)
    if (code !== undefined) await leaveEvent({ command, code }, vault)
    throw error
  }
}

/** Undefined for what is none of the vault's failures: a pause, and a vault that was not even looked for. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Interrupted || error instanceof ConfigError || error instanceof Unsafe) return undefined
  if (error instanceof Problem) return error.code
  if (error instanceof CallerError) return 'wrong-usage'
  return error instanceof Error ? error.name : 'Error'
}

async function leaveEvent(failure: FailedCommand, vault: Strongroom | undefined): Promise<void> {
  const isWritten = await write(failure, vault).catch(() => false)
  if (isWritten) return
  await reportFailure(readConfig(), { ...failure, operator: operator() }).catch(() => {
    process.stderr.write('that this command failed could not be recorded in the log.\n')
  })
}

/** @returns false beyond the limits */
async function write(failure: FailedCommand, vault: Strongroom | undefined): Promise<boolean> {
  if (vault !== undefined) return vault.commands.recordFailedCommand(operator(), failure)
  const config = readConfig()
  const opened = await openVaultDatabase(config, {
    role: 'command',
    command: failure.command,
    log: () => {},
    creates: false,
  })
  const now = () => new Date()
  const newId = createNewId(now, createRandomBytes())
  const newAuditEvent = inBook(createKeylessBook(newId('proc')), createNewAuditEvent(now, newId, hostname()))
  try {
    return await recordFailedCommand(
      { database: opened.database, newAuditEvent, now },
      config.strangerLimits,
      operator(),
      failure,
    )
  } finally {
    await opened.close()
  }
}
