import { hostname } from 'node:os'
import { createKeylessBook, inBook } from '../audit/event/event-book.ts'
import { createNewAuditEvent } from '../audit/event/new-audit-event.ts'
import { type FailedCommand, recordFailedCommand } from '../audit/failed-command.ts'
import { ConfigError, readConfig } from '../config/config.ts'
import type { Config } from '../config/config-sections.ts'
import { NoEmbeddedDatabase } from '../embedded-postgres/embedded.ts'
import { type OpenVault, openVault, openVaultDatabase } from '../start/open-vault.ts'
import { createNewId } from '../values/identifier.ts'
import { createRandomBytes } from '../values/random.ts'
import type { Vault } from '../vault.ts'
import { operatorOfFailure } from './operator.ts'
import { reportFailure } from './operator-client.ts'

/** Writes the event of a command that failed, or reports it to the server beside it. */
export async function leaveEvent(failure: FailedCommand, vault: Vault | undefined): Promise<void> {
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

/** The configuration; undefined if it cannot be read, so that it is unknown where the log is. */
function knownConfig(): Config | undefined {
  try {
    return readConfig()
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

/**
 * A command that failed before it opened the vault, such as one with a faulty file, leaves its event under the keys like any
 * other. Undefined where the vault does not open.
 */
async function openWithKeys(config: Config, { command }: FailedCommand): Promise<OpenVault | undefined> {
  try {
    return await openVault(config, { role: 'command', command, log: () => {}, creates: false })
  } catch {
    return undefined
  }
}

/** @returns false above the limits */
async function write(failure: FailedCommand, config: Config, vault: Vault | undefined): Promise<boolean> {
  if (vault !== undefined) return vault.commands.recordFailedCommand(operatorOfFailure(), failure)
  const opened = await openWithKeys(config, failure)
  if (opened !== undefined) {
    return opened.commands.recordFailedCommand(operatorOfFailure(), failure).finally(opened.close)
  }
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
