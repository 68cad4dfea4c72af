import type { InvalidArgumentError } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { LEAST_SHOWN } from '../../privacy/visits/visit-report.ts'
import { day } from '../arguments.ts'
import { type Json, print, printStatus } from '../command.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'

/** `strongroom visits` */
export async function showVisits(options: Json & { since?: string; until?: string }): Promise<void> {
  const range = { since: dateOf('--since', options.since), until: dateOf('--until', options.until) }
  await withVault('visits', async ({ commands }) => {
    const days = await commands.countVisits(range)
    print(options, days, () =>
      table(
        ['day', 'visitors', 'views', 'entry', 'exit', 'time on page'],
        days.map(({ day: date, visitors, views, entry, exit, time }) => [
          ...[date, shown(visitors)],
          ...[views, entry, exit, time].map((group) =>
            Object.entries(group)
              .map(([name, count]) => `${name} ${shown(count)}`)
              .join(', '),
          ),
        ]),
      ),
    )
    if (JSON.stringify(days).includes('null')) {
      printStatus(`few: below ${LEAST_SHOWN}, or it would follow from the other counts.`)
    }
    if (days.length === 0) printStatus('No visits were counted. Servers count them with STRONGROOM_VISITS=on.')
  })
}

/** @throws {CallerError} */
function dateOf(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return day(text).toISOString().slice(0, 10)
  } catch (error) {
    throw new CallerError(`${option}: ${(error as InvalidArgumentError).message}`)
  }
}

function shown(count: number | null): string {
  return count === null ? 'few' : String(count)
}
