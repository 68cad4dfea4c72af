import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import type { WaivedRestore } from '../../audit/waive-restore.ts'
import { type AppliedLog, type ApplyLogRequest, stepsOf } from '../../restore/apply-log.ts'
import { LogNotApplicable } from '../../restore/read-newer-log.ts'
import type { NewerRootKey } from '../../restore/takeaways.ts'
import type { Vault } from '../../vault.ts'
import { clearNote } from '../arguments.ts'
import { type Json, print, printStatus, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { showProgress } from '../show-progress.ts'
import type { CommandNeeds } from '../with-vault.ts'

interface ApplyOptions extends Json {
  log: string
  dryRun?: true
}

/** `strongroom restore …` */
export function addRestoreCommands(restore: Command): void {
  withJson(restore.command('apply'))
    .description('apply a newer log to a restored database: erase, revoke and disable again what it says')
    .requiredOption('--log <file>', 'the newer log, as "audit export --format jsonl" wrote it')
    .option('--dry-run', 'only show what would be erased, revoked or disabled')
    .action(applyNewerLog)

  withJson(restore.command('waive'))
    .description('open the vault for reads although its database is older than what was signed')
    .requiredOption('--reason <text>', 'why, for the audit log', clearNote)
    .action((options: Json & { reason: string }) =>
      withOutside('restore waive', async ({ commands }) => {
        const waived = await commands.waiveRestore(operator(), options.reason)
        print(options, waived, () =>
          waived.event === null
            ? 'nothing was closed: no checkpoint outside is newer than the database'
            : `reads are open; ${describeWaived(waived)} (${waived.event})`,
        )
      }),
    )
}

function describeWaived({ size, generation }: WaivedRestore): string {
  if (size !== null) return `the log outside had ${size} events`
  return `the registry of keys had been of generation ${generation}`
}

/** Opens the vault with its keys, and with what says where checkpoints were shipped to. */
function withOutside(command: string, work: (vault: Vault) => Promise<void>, needs: CommandNeeds = {}): Promise<void> {
  return withKeys(command, work, { ...needs, seesOutside: true })
}

async function applyNewerLog(options: ApplyOptions): Promise<void> {
  const { log: file, dryRun: isDryRun = false } = options
  const apply = async ({ commands }: Vault) => {
    const show = showProgress(false, 'applied')
    const onProgress: ApplyLogRequest['onProgress'] = ({ done, total }) =>
      show.update({ moved: done, total, remaining: total - done })
    const applied = await commands
      .applyLog(operator(), { file, isDryRun, onProgress })
      .catch((error) => {
        throw error instanceof LogNotApplicable ? new CallerError(`nothing was applied: ${error.message}`) : error
      })
      .finally(() => show.end())
    print(options, reportOf(applied, isDryRun), () => describe(applied, isDryRun))
    if (applied.missing === 0) return
    printStatus(
      `the vault has signed ${applied.missing} more events than the file has: what they took away is not known.`,
    )
    printStatus('Where there is a newer export, apply that one too.')
  }
  await withOutside('restore apply', apply, { takesAccessAway: true, anySchema: isDryRun })
}

const idsOf = (list: readonly { id: string }[]) => list.map(({ id }) => id)

function reportOf({ log, plan, event, missing, rootKey }: AppliedLog, isDryRun: boolean) {
  return {
    log,
    dry_run: isDryRun,
    taken_away: {
      records: plan.erase.map(({ token }) => token),
      clients: idsOf(plan.revoke),
      credentials: idsOf(plan.endCredentials),
      staff: idsOf(plan.disable),
      partners: idsOf(plan.endPartners),
      partner_keys: idsOf(plan.endPartnerKeys),
      callers: idsOf(plan.suspend),
      approvals: plan.lapse.map(({ approval }) => approval),
      keys: idsOf(plan.compromise),
      roles: plan.roles !== undefined,
      destinations: plan.destinations !== undefined,
    },
    lost: plan.lost,
    undestroyed_keys: plan.undestroyed,
    root_key_replaced: rootKey !== undefined,
    custodians: rootKey?.custodians ?? [],
    missing_events: missing,
    event,
  }
}

/** More would not be read at a terminal; `--json` names them all. */
const MOST_NAMED = 20

function named(ids: readonly string[], what: string): string[] {
  if (ids.length === 0) return []
  const more = ids.length > MOST_NAMED ? [`and ${ids.length - MOST_NAMED} more`] : []
  return [`${ids.length} ${what}: ${[...ids.slice(0, MOST_NAMED), ...more].join(', ')}`]
}

function describeRootKey({ custodians }: NewerRootKey): string {
  const again = 'the root key was replaced since the backup, and the one from before opens the vault again:'
  if (custodians.length === 0) return `${again} run "keys rotate root"`
  return `${again} hold a ceremony, so that ${custodians.join(', ')} have shares and no one else has`
}

function describe({ log, plan, event, rootKey }: AppliedLog, isDryRun: boolean): string {
  const { lost } = plan
  const done = isDryRun ? 'to be' : ''
  const taken = (text: string) => [done, text].filter((part) => part !== '').join(' ')
  const lines = [
    `${log.origin}: ${log.size} events, of which the database lacks ${log.events}, from ${log.from} on`,
    ...named(
      plan.erase.map(({ token }) => token),
      taken('records erased'),
    ),
    ...named(idsOf(plan.revoke), taken('clients revoked')),
    ...named(idsOf(plan.endCredentials), taken('clients without a secret or keys; give them others')),
    ...named(idsOf(plan.disable), taken('people disabled')),
    ...named(idsOf(plan.endPartners), taken('contracts ended')),
    ...named(idsOf(plan.endPartnerKeys), taken('partners without keys; give them others')),
    ...named(idsOf(plan.suspend), taken('callers suspended')),
    ...named(
      plan.lapse.map(({ approval }) => approval),
      taken('approvals ended'),
    ),
    ...named(idsOf(plan.compromise), taken('keys marked as compromised')),
    ...(plan.roles === undefined
      ? []
      : [`${taken('roles narrowed')} to storing: apply the newest file with "roles apply"`]),
    ...(plan.destinations === undefined
      ? []
      : [`${taken('destinations withdrawn')}: apply the newest file with "destinations apply"`]),
    ...named(lost.records, 'records are lost'),
    ...named(lost.corrections, 'corrections are lost, and the records are as they were before'),
    ...named(lost.clients, 'clients are lost'),
    ...named(lost.partners, 'partners are lost'),
    ...named(lost.keys, 'keys are lost, with what was sealed under them'),
    ...named(plan.undestroyed, 'destroyed keys are there again: run "keys rotate", then "keys destroy"'),
    ...(rootKey === undefined ? [] : [describeRootKey(rootKey)]),
    ...(log.dropped > 0 ? [`${log.dropped} events had been dropped: what they took away is not known`] : []),
  ]
  if (stepsOf(plan) === 0) lines.push('there is nothing to take away')
  if (event !== null) lines.push(`applied (${event})`)
  return lines.join('\n')
}
