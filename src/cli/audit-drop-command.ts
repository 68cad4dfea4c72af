import { type Command, InvalidArgumentError } from 'commander'
import { type DroppedEvents, dropEvents, MIN_MONTHS_KEPT } from '../audit/drop-events.ts'
import { readConfig } from '../config.ts'
import { openVaultDatabase } from '../open-vault.ts'
import type { Strongroom } from '../strongroom.ts'
import { count } from './arguments.ts'
import { confirm, type Json, note, operator, print, withJson } from './command.ts'
import { withKeys } from './custodians.ts'

interface DropOptions extends Json {
  olderThanMonths: number
  dryRun?: true
  yes?: true
}

/** `strongroom audit drop` */
export function addDropCommand(audit: Command): void {
  withJson(audit.command('drop'))
    .description('drop whole months of old events, as the owner of the schema; the log still verifies')
    .requiredOption('--older-than-months <months>', `how many months to keep, ${MIN_MONTHS_KEPT} at least`, monthsKept)
    .option('--dry-run', 'only say what would be dropped')
    .option('--yes', 'do not ask')
    .action(async (options: DropOptions) => {
      const { olderThanMonths, dryRun: isDryRun = false, yes = false } = options
      const question = `Events older than ${olderThanMonths} months are gone for good. Type "drop" to drop them: `
      await confirm(question, 'drop', isDryRun || yes)
      await withKeys('audit drop', async (strongroom) => {
        const found = await drop(strongroom, { olderThanMonths, isDryRun })
        print(options, { ...found, dry_run: isDryRun }, () => describe(found, isDryRun))
      })
    })
}

/** The events of it are written with the keys of the vault, and dropping is for the owner of the schema. */
async function drop(
  { newAuditEvent }: Strongroom,
  request: { olderThanMonths: number; isDryRun: boolean },
): Promise<DroppedEvents> {
  const options = { role: 'command', command: 'audit drop', log: note } as const
  const opened = await openVaultDatabase(readConfig(), options, 'owner')
  try {
    const deps = { database: opened.database, newAuditEvent, now: () => new Date() }
    return await dropEvents(deps, operator(), request)
  } finally {
    await opened.close()
  }
}

function describe({ until, dropped }: DroppedEvents, isDryRun: boolean): string {
  const what = isDryRun ? 'would be dropped' : 'dropped'
  const lines = dropped.map(
    ({ partition, events, ranges, event }) =>
      `${partition}: ${events} events ${what}${events > 0 ? `, ${ranges.join(' ')}` : ''}${event ? ` (${event})` : ''}`,
  )
  return lines.join('\n') || `there is no whole month of events from before ${until.slice(0, 10)}`
}

function monthsKept(text: string): number {
  const months = count(text)
  if (months < MIN_MONTHS_KEPT) {
    throw new InvalidArgumentError(`events are kept for ${MIN_MONTHS_KEPT} months at least (PCI DSS 10.5.1)`)
  }
  return months
}
