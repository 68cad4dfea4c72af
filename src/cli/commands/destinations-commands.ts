import type { Command } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { parseDestinationsFile } from '../../destinations/destination-file.ts'
import { toDestinationsFile } from '../../destinations/destination-set.ts'
import { UnfitDestinations } from '../../destinations/set/apply-destinations.ts'
import type { InputError } from '../../values/problem.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { describeFaults, readAppliedFile } from '../applied-file.ts'
import { standardInput } from '../arguments.ts'
import { FAILED, type Json, print, printStatus, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'
import { openTerminal } from '../terminal.ts'

const WHAT = 'a file of destinations'

/** `strongroom destinations …` */
export function addDestinationsCommands(destinations: Command): void {
  withJson(destinations.command('export'))
    .description('print the destinations in force, as the file that apply takes')
    .action((options: Json) =>
      withKeys('destinations export', async ({ commands }) => {
        const set = await commands.readDestinations()
        if (set.distrusted)
          throw new Error('The destinations were changed outside the vault: apply a file of your own.')
        print(options, toDestinationsFile(set), () => JSON.stringify(toDestinationsFile(set), null, 2))
      }),
    )

  withJson(destinations.command('check'))
    .description('find every fault of a file of destinations, also beside the contracts and secrets that there are')
    .argument('<file>')
    .action(async (file: string, options: Json) => {
      const { value, faults } = await readAppliedFile(file, WHAT, parseDestinationsFile)
      if (value === undefined) return report(options, file, { destinations: 0, receivers: 0, faults, warnings: [] })
      const { partners = {}, alerts } = value.receivers ?? {}
      const destinations = Object.keys(value.destinations).length
      const receivers = Object.keys(partners).length + (alerts === undefined ? 0 : 1)
      await withKeys('destinations check', async ({ commands }) =>
        report(options, file, { destinations, receivers, ...(await commands.checkDestinations(value)) }),
      )
    })

  withJson(destinations.command('apply'))
    .description('replace the destinations in force with those of a file, on every server from its next request on')
    .argument('<file>')
    .action(async (file: string, options: Json) => {
      const { value, faults } = await readAppliedFile(file, WHAT, parseDestinationsFile)
      if (value === undefined) throw new CallerError(`nothing was applied.\n${describeFaults(file, faults)}`)
      await withKeys('destinations apply', async ({ commands }) => {
        const applied = await commands.applyDestinations(operator(), value).catch((error: unknown) => {
          if (!(error instanceof UnfitDestinations)) throw error
          throw new CallerError(`nothing was applied.\n${describeFaults(file, error.faults)}`)
        })
        print(options, applied, () =>
          applied.changed
            ? `applied as revision ${applied.revision}`
            : `in force already, revision ${applied.revision}`,
        )
        const { warnings } = await commands.checkDestinations(value)
        if (warnings.length > 0) printStatus(`warning: ${describeFaults(file, warnings)}`)
      })
    })

  addSecretCommands(destinations.command('secret').description('what requests to destinations are signed with'))
}

function addSecretCommands(secret: Command): void {
  withJson(secret.command('set'))
    // Arguments are in the list of processes and in the shell's history.
    .description('give a secret a value, which is typed at the terminal or comes from stdin')
    .argument('<name>')
    .action((name: string, options: Json) =>
      withKeys('destinations secret set', async ({ commands }) => {
        await commands.setSecret(operator(), name, await readSecret(name))
        print(options, { name }, () => 'set')
      }),
    )

  withJson(secret.command('list'))
    .description('list the secrets, and the destinations in force that need them; their values are never shown')
    .action((options: Json) =>
      withKeys('destinations secret list', async ({ commands }) => {
        const list = (await commands.listSecrets()).map((one) => ({ ...one, set_at: one.set_at.toISOString() }))
        print(options, list, () =>
          table(
            ['name', 'set_at', 'used_by'],
            list.map(({ name, set_at, used_by }) => [name, set_at, used_by.join(' ')]),
          ),
        )
      }),
    )

  withJson(secret.command('remove'))
    .description('remove a secret that no destination in force needs')
    .argument('<name>')
    .action((name: string, options: Json) =>
      withKeys('destinations secret remove', async ({ commands }) => {
        await commands.removeSecret(operator(), name)
        print(options, { name }, () => 'removed')
      }),
    )
}

/** One line of a terminal, or all of stdin without the end of its last line. */
async function readSecret(name: string): Promise<Sensitive<string>> {
  if (!process.stdin.isTTY) return new Sensitive(standardInput().replace(/\r?\n$/, ''))
  return new Sensitive(await openTerminal('Secrets').askSecret(`The value of ${name}: `))
}

interface Checked {
  destinations: number
  receivers: number
  faults: readonly InputError[]
  warnings: readonly InputError[]
}

function report(options: Json, file: string, checked: Checked): void {
  const { destinations, receivers, faults, warnings } = checked
  print(options, { valid: faults.length === 0, ...checked }, () => {
    if (faults.length > 0) return describeFaults(file, faults)
    return `${destinations} destinations, ${receivers === 0 ? '' : `${receivers} receivers, `}no fault`
  })
  if (warnings.length > 0) printStatus(`warning: ${describeFaults(file, warnings)}`)
  if (faults.length > 0) process.exitCode = FAILED
}
