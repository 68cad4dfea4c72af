import { type Command, Option } from 'commander'
import { describeMissing } from '../../audit/completeness/missing-name.ts'
import { type AuditCaller, auditEventTypes } from '../../audit/event/audit-event.ts'
import { count } from '../arguments.ts'
import { type Json, print, withJson } from '../command.ts'
import { confirm } from '../confirm.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'
import { addDropCommand } from './audit-drop-command.ts'
import { addExportCommand } from './audit-export-command.ts'
import { addReviewCommands } from './audit-review-command.ts'
import { addTailCommand } from './audit-tail-command.ts'
import { addVerifyCommand } from './audit-verify-command.ts'

const COLUMNS = [
  'at',
  'type',
  'outcome',
  'caller',
  'source',
  'token',
  'purpose',
  'code',
  'reason',
  'subject',
  'id',
] as const

function showEvents(events: readonly Record<string, unknown>[]): string {
  const cellOf = (event: Record<string, unknown>, column: string) =>
    column === 'caller' ? (event.caller as AuditCaller | undefined)?.id : (event[column] as string | undefined)
  return table(
    COLUMNS,
    events.map((event) => COLUMNS.map((column) => cellOf(event, column))),
  )
}

/** `strongroom audit …` */
export function addAuditCommands(audit: Command): void {
  withJson(audit.command('list'))
    .description('list the latest events, the newest first; with --json a page in the order of time')
    .option('--token <token>', 'only events of this record')
    .option('--caller <caller>', 'only events of this caller')
    .addOption(new Option('--type <type>', 'only events of this type').choices(auditEventTypes))
    .option('--after <event>', 'only events after this one')
    .option('--limit <count>', 'at most this many', count, 100)
    .action((options: Json & { token?: string; caller?: string; type?: string; after?: string; limit: number }) =>
      withVault('audit list', async ({ commands }) => {
        const { json, ...filter } = options
        const events = await commands.listAuditEvents(operator(), { ...filter, newestFirst: !json })
        print(options, events, () => showEvents(events))
      }),
    )

  withJson(audit.command('key'))
    .description('print the verifier keys of the log')
    .action((options: Json) =>
      withKeys('audit key', async ({ commands }) => {
        const keys = await commands.listLogKeys()
        print(options, keys, () => keys.map(({ verifier_key }) => verifier_key).join('\n'))
      }),
    )

  withJson(audit.command('resume'))
    .description('let releases continue after events were missing (alert audit-missing)')
    .option('--yes', 'do not ask')
    .action(async (options: Json & { yes?: true }) => {
      await confirm('Have you found out why? Type "resume" to continue: ', 'resume', options.yes ?? false)
      await withKeys('audit resume', async ({ commands }) => {
        const missing = (await commands.resumeReleases(operator())).map(describeMissing)
        print(options, { missing }, () => missing.join('\n') || 'nothing stops releases')
      })
    })

  addExportCommand(audit)
  addTailCommand(audit)
  addReviewCommands(audit)
  addDropCommand(audit)
  addVerifyCommand(audit)
}
