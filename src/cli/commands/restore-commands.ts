import { access, constants } from 'node:fs/promises'
import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import type { WaivedRestore } from '../../audit/waive-restore.ts'
import type { AppliedErasures } from '../../restore/apply-erasures.ts'
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
  log?: string
  erasures?: string
  unknownKeys?: true
  dryRun?: true
}

/** `strongroom restore …` */
export function addRestoreCommands(restore: Command): void {
  withJson(restore.command('apply'))
    .description('apply a newer log or the ledger of erasures to a restored database: erase, revoke and disable again')
    .option('--log <file>', 'the newer log, as "audit export --format jsonl" wrote it')
    .option('--erasures <file>', 'the ledger of erasures, as the vault wrote it outside')
    .option('--unknown-keys', 'take lines of the ledger too that are signed under a key later than the backup')
    .option('--dry-run', 'only show what would be erased, revoked or disabled')
    .action(applyBoth)

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

function describeWaived({ size, generation, erasures }: WaivedRestore): string {
  if (size === 0) return `${erasures} records that were erased may be back`
  if (size !== null) return `the log outside had ${size} events`
  return `the registry of keys had been of generation ${generation}`
}

/** Opens the vault with its keys, and with what says where checkpoints were shipped to. */
function withOutside(command: string, work: (vault: Vault) => Promise<void>, needs: CommandNeeds = {}): Promise<void> {
  return withKeys(command, work, { ...needs, seesOutside: true })
}

async function applyBoth(options: ApplyOptions): Promise<void> {
  const { log, erasures, dryRun: isDryRun = false, unknownKeys: takesUnknownKeys = false } = options
  if (log === undefined && erasures === undefined) {
    throw new CallerError('name the newer log with --log, the ledger of erasures with --erasures, or both')
  }
  if (erasures !== undefined) await requireReadable(erasures)
  const apply = async ({ commands }: Vault) => {
    const show = showProgress(false, 'applied')
    const onProgress: ApplyLogRequest['onProgress'] = ({ done, total }) =>
      show.update({ moved: done, total, remaining: total - done })
    const applyLog = (file: string) => commands.applyLog(operator(), { file, isDryRun, onProgress })
    const applyErasures = (file: string) =>
      commands.applyErasures(operator(), { file, takesUnknownKeys, isDryRun, onProgress })
    const applied = {
      log: log === undefined ? undefined : await applicable(applyLog(log)),
      erasures: erasures === undefined ? undefined : await applicable(applyErasures(erasures)),
    }
    show.end()
    print(options, bothReports(applied, isDryRun), () => describeBoth(applied, isDryRun))
    if (!applied.log?.missing) return
    printStatus(
      `the vault has signed ${applied.log.missing} more events than the file has: what they took away is not known.`,
    )
    printStatus('Where there is a newer export, apply that one too.')
  }
  await withOutside('restore apply', apply, { takesAccessAway: true, anySchema: isDryRun })
}

/** A target that has no file yet is an empty ledger to a server; an operator means a file that is there. */
async function requireReadable(file: string): Promise<void> {
  await access(file, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
    throw new CallerError(`${file} cannot be read (${error.code}).`)
  })
}

interface AppliedBoth {
  log: AppliedLog | undefined
  erasures: AppliedErasures | undefined
}

function applicable<T>(applied: Promise<T>): Promise<T> {
  return applied.catch((error) => {
    throw error instanceof LogNotApplicable ? new CallerError(`nothing was applied: ${error.message}`) : error
  })
}

function bothReports({ log, erasures }: AppliedBoth, isDryRun: boolean) {
  return { dry_run: isDryRun, ...(log && reportOf(log)), ...(erasures && { erasures }) }
}

function describeBoth({ log, erasures }: AppliedBoth, isDryRun: boolean): string {
  const parts = [log && describe(log, isDryRun), erasures && describeErasures(erasures, isDryRun)]
  return parts.filter((part) => part !== undefined).join('\n')
}

function describeErasures(applied: AppliedErasures, isDryRun: boolean): string {
  const { lines, unknown_keys, without_record, erased, postponed, event } = applied
  return [
    `the ledger has ${lines} erasures of this vault`,
    ...named(erased, isDryRun ? 'records would be erased again' : 'records erased again'),
    ...named(postponed, 'records are kept by a hold, and erased when it is released'),
    ...(without_record > 0 ? [`${without_record} lines name no record of this database`] : []),
    ...(unknown_keys > 0
      ? [`${unknown_keys} lines are signed under a key that this database does not know: --unknown-keys takes them`]
      : []),
    ...(event === null ? [] : [`applied (${event})`]),
  ].join('\n')
}

const idsOf = (list: readonly { id: string }[]) => list.map(({ id }) => id)

function reportOf({ log, plan, event, missing, rootKey }: AppliedLog) {
  return {
    log,
    taken_away: {
      records: plan.erase.map(({ token }) => token),
      ordered: plan.order.map(({ token }) => token),
      consents: plan.withdraw.map(({ token }) => token),
      clients: idsOf(plan.revoke),
      credentials: idsOf(plan.endCredentials),
      staff: idsOf(plan.disable),
      partners: idsOf(plan.endPartners),
      partner_keys: idsOf(plan.endPartnerKeys),
      callers: idsOf(plan.suspend),
      approvals: plan.lapse.map(({ approval }) => approval),
      keys: idsOf(plan.compromise),
      holds: plan.hold.map(({ token }) => token),
      roles: plan.roles !== undefined,
      destinations: plan.destinations !== undefined,
      retention: plan.retention !== undefined,
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
  const lines = [
    `${log.origin}: ${log.size} events, of which the database lacks ${log.events}, from ${log.from} on`,
    ...(isDryRun && stepsOf(plan) > 0 ? ['nothing was changed; without --dry-run there would be:'] : []),
    ...named(
      plan.erase.map(({ token }) => token),
      'records erased',
    ),
    ...named(
      plan.order.map(({ token }) => token),
      'erasures ordered',
    ),
    ...named(
      plan.withdraw.map(({ token }) => token),
      'records without consents that were withdrawn',
    ),
    ...named(idsOf(plan.revoke), 'clients revoked'),
    ...named(idsOf(plan.endCredentials), 'clients without a secret or keys; give them others'),
    ...named(idsOf(plan.disable), 'people disabled'),
    ...named(idsOf(plan.endPartners), 'contracts ended'),
    ...named(idsOf(plan.endPartnerKeys), 'partners without keys; give them others'),
    ...named(idsOf(plan.suspend), 'callers suspended'),
    ...named(
      plan.lapse.map(({ approval }) => approval),
      'approvals ended',
    ),
    ...named(
      plan.hold.map(({ token }) => token),
      'records held',
    ),
    ...named(idsOf(plan.compromise), 'keys marked as compromised'),
    ...(plan.roles === undefined ? [] : ['roles narrowed to storing: apply the newest file with "roles apply"']),
    ...(plan.destinations === undefined
      ? []
      : ['destinations withdrawn: apply the newest file with "destinations apply"']),
    ...(plan.retention === undefined
      ? []
      : ['retention disabled: publish and adopt what is lost, then look at "retention run --dry-run"']),
    ...named(lost.records, 'records are lost'),
    ...named(lost.corrections, 'corrections are lost, and the records are as they were before'),
    ...named(lost.clients, 'clients are lost'),
    ...named(lost.partners, 'partners are lost'),
    ...named(lost.keys, 'keys are lost, with what was sealed under them'),
    ...named(
      lost.policies,
      'versions of the privacy policy are lost: publish them again, and adopt the one that was adopted',
    ),
    ...named(plan.undestroyed, 'destroyed keys are there again: run "keys rotate", then "keys destroy"'),
    ...(rootKey === undefined ? [] : [describeRootKey(rootKey)]),
    ...(log.dropped > 0 ? [`${log.dropped} events had been dropped: what they took away is not known`] : []),
  ]
  if (stepsOf(plan) === 0) lines.push('there is nothing to take away')
  if (event !== null) lines.push(`applied (${event})`)
  return lines.join('\n')
}
