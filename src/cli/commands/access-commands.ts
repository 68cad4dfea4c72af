import { type Command, Option } from 'commander'
import { type Purpose, purposes } from '../../access/policy/purpose.ts'
import type { AccessLine } from '../../access/review-access.ts'
import type { AccessQuestion } from '../../records/read/explain-access.ts'
import { toCsv } from '../comma-separated.ts'
import { type Json, print, printStatus, withJson } from '../command.ts'
import { confirm } from '../confirm.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'

const COLUMNS = [
  ...['subject', 'id', 'name', 'role', 'site', 'partner', 'scopes', 'see', 'kind', 'fields', 'purposes'],
  ...['conditions', 'since', 'until'],
] as (keyof AccessLine)[]

interface Question extends Json {
  caller: string
  token: string
  to: NonNullable<AccessQuestion['to']>
  purpose?: Purpose
  role?: string
  site: string
  field?: string[]
  reason?: true
  ticket?: true
  authority?: true
  bound?: true
}

/** `strongroom access …` */
export function addAccessCommands(access: Command): void {
  withJson(access.command('explain'))
    .description('say whether a caller may see or change a record now, and which line of the roles decides')
    .requiredOption('--caller <caller>', 'the id of a client, or staff:NAME')
    .requiredOption('--token <token>', 'the record')
    .addOption(
      new Option('--to <what>', 'what they would do with it')
        .choices(['reveal', 'forward', 'correct', 'erase'])
        .default('reveal'),
    )
    .addOption(new Option('--purpose <purpose>', 'what for; a reveal and a forward need one').choices(purposes))
    .option('--role <role>', 'the role of a member of staff')
    .option('--site <site>', 'the site of a member of staff', 'default')
    .option('--field <field...>', 'only these fields; otherwise all that are granted')
    .option('--reason', 'as if a reason were given')
    .option('--ticket', 'as if a ticket were named')
    .option('--authority', 'as if an authority were named')
    .option('--bound', 'as if the access token were bound to its owner')
    .action((options: Question) =>
      withKeys('access explain', async ({ commands }) => {
        const { caller: id, role, site, token, to, purpose, field: fields, bound } = options
        const { reason, ticket, authority } = options
        const question = { token, to, purpose, fields, circumstances: { reason, ticket, authority } }
        const explained = await commands.explainAccess(operator(), { id, role, site, bound }, question)
        print(options, explained, () =>
          [
            explained.allowed
              ? ['yes', explained.fields.join(', ')].filter(Boolean).join(': ')
              : `no: ${explained.code}`,
            ...explained.lines,
          ].join('\n  '),
        )
      }),
    )

  withJson(access.command('review'))
    .description('list every role, client, partner and mapping, and what each can see (PCI DSS 7.2.4)')
    .option('--csv', 'print comma-separated values')
    .action((options: Json & { csv?: true }) =>
      withKeys('access review', async ({ commands }) => {
        const lines = await commands.reviewAccess(operator())
        print(options, lines, () => (options.csv ? toCsv(lines, COLUMNS) : lines.map(asText).join('\n')))
      }),
    )

  withJson(access.command('rebuild'))
    .description('rebuild the access ledger from the tables, when it was changed and cannot be put back')
    .option('--yes', 'do not ask')
    .action(async (options: Json & { yes?: true }) => {
      printStatus('Revoked clients, ended contracts and former roles come into force again if someone has')
      printStatus('put them back: compare "access review" with the audit log, then restart every server.')
      await confirm('Type "rebuild" to continue: ', 'rebuild', options.yes === true)
      await withKeys('access rebuild', async ({ commands }) => {
        const { count } = await commands.rebuildLedger(operator())
        print(options, { entries: count }, () => `the ledger of access has ${count} entries`)
      })
    })

  withJson(access.command('suspended'))
    .description('list the suspended callers')
    .action((options: Json) =>
      withVault('access suspended', async ({ commands }) => {
        const list = (await commands.listSuspended()).map((one) => ({
          ...one,
          suspended_at: one.suspended_at.toISOString(),
        }))
        print(options, list, () =>
          table(
            ['caller', 'role', 'purpose', 'suspended_at'],
            list.map(({ caller, role, purpose, suspended_at }) => [caller, role, countedFor(purpose), suspended_at]),
          ),
        )
      }),
    )

  withJson(access.command('lift'))
    .description('lift the suspension of a caller and reset its counts')
    .argument('<caller>')
    .action((caller: string, options: Json) =>
      withKeys('access lift', async ({ commands }) => {
        await commands.reinstateCaller(operator(), caller)
        print(options, { caller, suspended: false }, () => `lifted ${caller}`)
      }),
    )
}

/** What a budget is counted for, in words where it is not a purpose or scope. */
function countedFor(purpose: string): string {
  if (purpose === '*') return '(all purposes)'
  return purpose || '(masked views)'
}

function asText(line: AccessLine): string {
  if (line.see === '') {
    const facts = [line.role && line.subject !== 'role' ? `role ${line.role}` : '', line.site && `site ${line.site}`]
    const more = [
      line.partner,
      line.scopes && `[${line.scopes}]`,
      line.fields,
      line.purposes,
      line.until && `until ${line.until}`,
    ]
    return `${line.subject} ${line.id}  ${line.name}  ${[...facts, ...more].filter(Boolean).join('  ')}`.trimEnd()
  }
  const purpose = line.purposes && `for ${line.purposes}`
  if (line.see === 'change') {
    const what = [line.fields, line.kind].filter(Boolean).join(' ') || 'everything'
    return `    ${line.scopes} ${what}: ${[purpose, line.conditions].filter(Boolean).join('  ')}`
  }
  const fields = line.see === 'forward' ? '' : line.fields || 'everything'
  return `    ${line.see} ${line.kind}: ${[fields, purpose, line.conditions].filter(Boolean).join('  ')}`
}
