import type { Command } from 'commander'
import type { ListedNotice } from '../../privacy/notices/notice-store.ts'
import { type Json, print, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'

/** `strongroom notices …` */
export function addNoticesCommands(notices: Command): void {
  withJson(notices.command('list'))
    .description('list the notices to partners that wait, and why the last attempt failed')
    .option('--all', 'also those that were delivered in the last 90 days')
    .action((options: Json & { all?: true }) =>
      withVault('notices list', async ({ commands }) => {
        const list = await commands.listNotices(options.all !== true)
        print(options, list.map(asJson), () => describe(list))
      }),
    )

  withJson(notices.command('send'))
    .description('send the notices that are due now; a running server does so every 10 seconds')
    .action((options: Json) =>
      withKeys('notices send', async ({ commands }) => {
        await commands.sendNotices()
        const list = await commands.listNotices(true)
        print(options, { waiting: list.length }, () => `${list.length} notices wait`)
      }),
    )
}

function asJson({ id, createdAt, nextAt, deliveredAt, ...facts }: ListedNotice) {
  const times = { created_at: createdAt, next_at: nextAt, delivered_at: deliveredAt }
  return { notice_id: id, ...facts, ...times }
}

function describe(list: readonly ListedNotice[]): string {
  return table(
    ['notice', 'partner', 'record', 'fields', 'event', 'attempts', 'next', 'delivered', 'fault'],
    list.map(({ id, partner, record, fields, event, attempts, nextAt, deliveredAt, fault }) => [
      ...[id, partner, record, fields.join(' '), event, String(attempts), deliveredAt ? null : nextAt.toISOString()],
      ...[deliveredAt?.toISOString(), fault],
    ]),
  )
}
