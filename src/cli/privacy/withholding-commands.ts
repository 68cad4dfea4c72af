import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { WithholdingError, type WithholdingOrder } from '../../privacy/report/withholding.ts'
import { Problem } from '../../values/problem.ts'
import { dayToCome } from '../arguments.ts'
import { type Json, print, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'

interface Case extends Json {
  authority: string
  ticket: string
}

/** `strongroom withholding …` */
export function addWithholdingCommands(withholding: Command): void {
  ofCase(withJson(withholding.command('order')))
    .description('keep releases to an authority for a case from the report that the shopper gets')
    .requiredOption('--review-by <date>', 'when a person looks at it again, within a year: YYYY-MM-DD', dayToCome)
    .action((options: Case & { reviewBy: Date }) =>
      withKeys('withholding order', async ({ commands }) => {
        const order = await refusable(commands.orderWithholding(operator(), options, options.reviewBy))
        print(options, order, () => describe([order]))
      }),
    )

  withJson(withholding.command('list'))
    .description('list the orders that hold')
    .action((options: Json) =>
      withVault('withholding list', async ({ commands }) => {
        const orders = await commands.listWithholding()
        print(options, orders, () => describe(orders))
      }),
    )

  ofCase(withJson(withholding.command('end')))
    .description('let shoppers see these releases from now on')
    .action((options: Case) =>
      withKeys('withholding end', async ({ commands }) => {
        await refusable(commands.endWithholding(operator(), options))
        const { authority, ticket } = options
        print(options, { authority, ticket, ended: true }, () => `ended ${authority}, ${ticket}`)
      }),
    )
}

function ofCase(command: Command): Command {
  return command
    .requiredOption('--authority <name>', 'the authority, as the releases name it')
    .requiredOption('--ticket <case>', 'its case, as the releases name it')
}

function refusable<T>(work: Promise<T>): Promise<T> {
  return work.catch((error) => {
    if (error instanceof WithholdingError) throw new CallerError(error.message)
    if (!(error instanceof Problem) || error.errors.length === 0) throw error
    throw new CallerError(error.errors.map(({ pointer, detail }) => `--${pointer.slice(2)}: ${detail}`).join('\n'))
  })
}

function describe(orders: readonly WithholdingOrder[]): string {
  return table(
    ['authority', 'ticket', 'since', 'review by'],
    orders.map(({ authority, ticket, since, review_by }) => [authority, ticket, since, review_by]),
  )
}
