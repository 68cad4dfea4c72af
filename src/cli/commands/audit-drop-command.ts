import { type Command, InvalidArgumentError } from 'commander'
import type { DroppedEvents } from '../../audit/retention/drop-events.ts'
import { MIN_MONTHS_KEPT } from '../../audit/retention/months.ts'
import { count } from '../arguments.ts'
import { type Json, print, withJson } from '../command.ts'
import { confirm } from '../confirm.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'

interface DropOptions extends Json {
  olderThanMonths: number
  dryRun?: true
  yes?: true
}

/** `strongroom audit drop` */
export function addDropCommand(audit: Command): void {
  withJson(audit.command('drop'))
    .description(
      'drop whole months of old events, as the owner of the schema, with the keys of the vault; the log still verifies',
    )
    .requiredOption('--older-than-months <months>', `how many months to keep, ${MIN_MONTHS_KEPT} at least`, monthsKept)
    .option('--dry-run', 'only show what would be dropped')
    .option('--yes', 'do not ask')
    .action(async (options: DropOptions) => {
      const { olderThanMonths, dryRun: isDryRun = false, yes = false } = options
      const question = `Events older than ${olderThanMonths} months are gone for good. Type "drop" to drop them: `
      await confirm(question, 'drop', isDryRun || yes)
      await withKeys('audit drop', async ({ commands }, openAsOwner) => {
        const owner = openAsOwner()
        try {
          const found = await commands.dropEvents(owner, operator(), { olderThanMonths, isDryRun })
          print(options, { ...found, dry_run: isDryRun }, () => describe(found, isDryRun))
        } finally {
          await owner.close()
        }
      })
    })
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
