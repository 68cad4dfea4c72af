import { type Command, InvalidArgumentError } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { type Purpose, purposes } from '../../access/policy/purpose.ts'
import { HoldRefused, type ListedHold } from '../../privacy/retention/holds.ts'
import { type PlannedClass, type RetentionPlan, RetentionRefused } from '../../privacy/retention/plan-retention.ts'
import { ADOPTED } from '../../privacy/retention/rules.ts'
import type { RetentionRun } from '../../privacy/retention/run-retention.ts'
import type { RetentionState } from '../../privacy/retention/verify-retention.ts'
import type { Vault } from '../../vault.ts'
import { clearNote, dayToCome } from '../arguments.ts'
import { FAILED, type Json, PAUSED, print, withJson } from '../command.ts'
import { confirm } from '../confirm.ts'
import { withKeys, withPausableKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { showProgress } from '../show-progress.ts'
import { table } from '../table.ts'

/** `strongroom retention …` */
export function addRetentionCommands(retention: Command): void {
  withJson(retention.command('run'))
    .description('erase the records whose time is over by the privacy policies')
    .option('--dry-run', 'erase nothing: show how many records are due, and the name of the rules')
    .action((options: Json & { dryRun?: true }) => (options.dryRun ? dryRun(options) : run(options)))

  withJson(retention.command('enable'))
    .description('let servers erase what is due by the rules that a dry run has shown')
    .option('--plan <name>', 'the rules, as "retention run --dry-run" has named them; otherwise the command asks')
    .action((options: Json & { plan?: string }) =>
      withKeys('retention enable', async ({ commands }) => {
        const plan = options.plan ?? (await askForPlan(commands))
        const enabled = await refusable(commands.enableRetention(operator(), plan))
        print(options, enabled, () => `enabled for ${enabled.scopes.map(scopeInWords).join(', ')}`)
      }),
    )

  withJson(retention.command('disable'))
    .description('let servers erase nothing more by the privacy policies')
    .action((options: Json) =>
      withKeys('retention disable', async ({ commands }) => {
        const disabled = await commands.disableRetention(operator())
        print(options, disabled, () => `disabled for ${disabled.scopes.length} rules`)
      }),
    )

  withJson(retention.command('verify'))
    .description('say what is overdue; fails when anything is')
    .action((options: Json) =>
      withKeys('retention verify', async ({ commands }) => {
        const found = await refusable(commands.verifyRetention())
        print(options, found, () => describeState(found))
        if (!found.ok) process.exitCode = FAILED
      }),
    )

  addHoldCommands(retention.command('hold').description('what keeps records from being erased'))
}

function addHoldCommands(hold: Command): void {
  withJson(hold.command('add'))
    .description('keep one record from being erased, for one purpose or for all')
    .argument('<token>')
    .option('--purpose <purpose>', 'the purpose that it is kept for; otherwise every purpose', parsePurpose)
    .requiredOption('--reason <text>', 'why, for the audit log, in the clear', clearNote)
    .requiredOption('--review <day>', 'when to look at it again: YYYY-MM-DD', dayToCome)
    .action((token: string, options: Json & { purpose?: Purpose; reason: string; review: Date }) =>
      withKeys('retention hold add', async ({ commands }) => {
        const { purpose, reason, review: reviewAt } = options
        const added = await refusable(commands.addHold(operator(), { token, purpose, reason, reviewAt }))
        print(options, added, () => `${added.id} keeps ${added.token}`)
      }),
    )

  withJson(hold.command('list'))
    .description('list the holds, those first whose review comes first')
    .action((options: Json) =>
      withKeys('retention hold list', async ({ commands }) => {
        const holds = await commands.listHolds()
        print(options, holds.map(holdAsJson), () => describeHolds(holds))
      }),
    )

  withJson(hold.command('release'))
    .description('release a hold, and erase the record if that was postponed')
    .argument('<id>', 'the hold, or the token of a record for all of its holds')
    .action((name: string, options: Json) =>
      withKeys('retention hold release', async ({ commands }) => {
        const { token, released, isErased, isHeld } = await refusable(commands.releaseHold(operator(), name))
        print(options, { token, released, erased: isErased, held: isHeld }, () => {
          const then = isErased ? ', and erased' : isHeld ? ', and another hold keeps it' : ''
          return `${token} is released${then}`
        })
      }),
    )
}

function dryRun(options: Json): Promise<void> {
  return withKeys('retention run', async ({ commands }) => {
    const plan = await refusable(commands.planRetention(operator()))
    print(options, reportOf(plan), () => describePlan(plan))
  })
}

function run(options: Json): Promise<void> {
  return withPausableKeys('retention run', async ({ commands }, signal) => {
    const show = showProgress(options.json === true, 'looked at')
    const done = await refusable(
      commands.runRetention(operator(), { onProgress: show.update, signal }).finally(() => show.end()),
    )
    print(options, { done: !signal.aborted, ...done }, () => describeRun(done))
    if (signal.aborted) process.exitCode = PAUSED
  })
}

async function askForPlan(commands: Vault['commands']): Promise<string> {
  const plan = await refusable(commands.planRetention(operator()))
  process.stderr.write(`${describePlan(plan)}\n`)
  if (!process.stdin.isTTY) throw new CallerError(`look at these rules, and say "--plan ${plan.plan}" to enable them.`)
  await confirm('Type "enable" to let servers erase such records: ', 'enable', false)
  return plan.plan
}

function refusable<T>(work: Promise<T>): Promise<T> {
  return work.catch((error) => {
    const isRefused = error instanceof RetentionRefused || error instanceof HoldRefused
    throw isRefused ? new CallerError(error.message) : error
  })
}

function parsePurpose(text: string): Purpose {
  const purpose = purposes.find((one) => one === text)
  if (purpose === undefined) throw new InvalidArgumentError(`known purposes are: ${purposes.join(' ')}`)
  return purpose
}

function scopeInWords(scope: string): string {
  return scope === ADOPTED ? 'records without a published version' : scope
}

function reportOf({ plan, classes, without_rule }: RetentionPlan) {
  return {
    dry_run: true,
    plan,
    due: classes.map(({ of, rule, due, isEnabled }) => ({
      kind: of.kind,
      policy_version: of.policyVersion ?? null,
      consents: of.consents,
      rules: rule.scope,
      days: rule.days,
      count: due,
      enabled: isEnabled,
    })),
    without_rule,
  }
}

function describePlan({ plan, classes, without_rule }: RetentionPlan): string {
  const lines = classes.map(describeClass)
  return [
    ...(lines.length === 0 ? ['no record is past its time'] : lines),
    ...(without_rule > 0 ? ['records that no policy covers are kept: adopt a version for them'] : []),
    `the rules are named ${plan}`,
  ].join('\n')
}

function describeClass({ of, rule, due, isEnabled }: PlannedClass): string {
  const consents = of.consents.length === 0 ? 'no consent' : of.consents.join(' ')
  const may = isEnabled ? '' : ', not enabled'
  return `${due} of ${of.kind} (${consents}), kept for ${rule.days} days by ${scopeInWords(rule.scope)}${may}`
}

function describeRun({ erased, held, not_enabled }: RetentionRun): string {
  return [
    `${erased} records erased`,
    ...(held > 0 ? [`${held} are kept by holds`] : []),
    ...(not_enabled > 0
      ? [`${not_enabled} are past their time under rules that are not enabled: look at "retention run --dry-run"`]
      : []),
  ].join('\n')
}

function describeState(found: RetentionState & { missing: number }): string {
  const { overdue, not_enabled, unfinished, held, unreviewed, revived, missing, changed } = found
  return [
    `${overdue} records are overdue${not_enabled > 0 ? `, ${not_enabled} of them under rules that are not enabled` : ''}`,
    `${unfinished} erasures were ordered and are not done`,
    `${held} records are past their time, and holds keep them`,
    ...(unreviewed.length > 0 ? [`the review is overdue of ${unreviewed.join(', ')}`] : []),
    ...(revived.length > 0 ? [`records were erased and are there again: ${revived.join(', ')}`] : []),
    ...(missing > 0
      ? [
          `the ledger outside has ${missing} erasures that this database has not done: run "restore apply --erasures FILE"`,
        ]
      : []),
    ...(changed.length > 0 ? [`holds were changed outside the vault of ${changed.join(', ')}`] : []),
  ].join('\n')
}

function holdAsJson({ token, hold, is, isOverdue, isPostponed }: ListedHold) {
  const { id = null, site = null, kind = null, purpose = null, reason = null } = hold ?? {}
  const times = { created_at: hold?.created_at ?? null, review_at: hold?.review_at ?? null }
  const state = { state: is, review_overdue: isOverdue, erasure_postponed: isPostponed }
  return { id, token, site, kind, purpose, reason, ...times, ...state }
}

function describeHolds(holds: readonly ListedHold[]): string {
  return table(
    ['hold', 'token', 'purpose', 'review', 'reason', 'state'],
    holds.map(({ token, hold, is, isOverdue, isPostponed }) => [
      ...[hold?.id, token, hold === null ? null : (hold.purpose ?? 'every purpose')],
      ...[hold?.review_at.toISOString().slice(0, 10), hold?.reason],
      [
        ...(is === 'intact' ? [] : [`${is} outside the vault`]),
        ...(isOverdue ? ['review overdue'] : []),
        ...(isPostponed ? ['erasure postponed'] : []),
      ].join(', '),
    ]),
  )
}
