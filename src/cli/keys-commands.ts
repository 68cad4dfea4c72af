import { Command } from 'commander'
import type { RotationResult } from '../keys/rotate.ts'
import { confirm, FAILED, type Json, operator, print, withJson, withVault } from './command.ts'
import { withKeys } from './custodians.ts'
import { showExposure, showInventory } from './key-tables.ts'
import { addRootKeyCommands, rotateRoot } from './root-key-commands.ts'
import { showProgress } from './show-progress.ts'

/** `strongroom keys …` */
export function addKeysCommands(program: Command): void {
  const keys = program.command('keys').description('the keys of the vault')

  withJson(keys.command('list'))
    .description('every key and its state')
    .action((options: Json) =>
      withVault('keys list', async ({ commands }) => {
        const list = (await commands.listKeys()).map(({ id, purpose, state, created_at }) => ({
          id,
          purpose,
          state,
          created_at: created_at.toISOString(),
        }))
        print(options, list, () =>
          list
            .map((key) => `${key.id}  ${key.purpose.padEnd(13)}  ${key.state.padEnd(11)}  ${key.created_at}`)
            .join('\n'),
        )
      }),
    )

  withJson(keys.command('status'))
    .description('the census: how many sealed values stand on which key')
    .action((options: Json) =>
      withVault('keys status', async ({ commands }) => {
        const status = await commands.keyStatus()
        print(options, status, () =>
          status
            .map(
              (key) =>
                `${key.id}  ${key.purpose.padEnd(13)}  ${key.state.padEnd(11)}  ${key.sealed_values === null ? '' : `${key.records} records, ${key.sealed_values} sealed values`}`,
            )
            .join('\n'),
        )
      }),
    )

  withJson(keys.command('inventory'))
    .description('every key with its algorithm, strength, state, age, uses, references and expiry')
    .action((options: Json) =>
      withKeys('keys inventory', async ({ commands }) => {
        const inventory = await commands.takeInventory()
        print(options, inventory, () => showInventory(inventory))
      }),
    )

  withJson(keys.command('destroy'))
    .description('remove a key that nothing stands on, for good: older backups under it can never be opened again')
    .argument('<id>')
    .option('--yes', 'do not ask')
    .action(async (id: string, options: Json & { yes?: true }) => {
      const question = `Every backup that holds anything under ${id} can then never be opened again. Type the id to go on: `
      await confirm(question, id, options.yes === true)
      await withKeys('keys destroy', async ({ commands }) => {
        await commands.destroyKey(operator(), id)
        print(options, { id, state: 'destroyed' }, () => `destroyed ${id}`)
      })
    })

  withJson(keys.command('compromise'))
    .description('mark a key as known to somebody else, replace it at once, and list what it exposes')
    .argument('<id>')
    .action((id: string, options: Json) =>
      withKeys('keys compromise', async ({ commands }) => {
        const exposure = await commands.compromiseKey(operator(), id)
        print(options, exposure, () => showExposure(exposure))
      }),
    )

  withJson(keys.command('rotate'))
    .description('make new data keys and re-seal everything under them, while the vault serves; goes on after a kill')
    .addArgument(
      new Command().createArgument('[which]', 'the keys to rotate').choices(['data', 'root']).default('data'),
    )
    .action((which: string, options: Json) =>
      which === 'root'
        ? rotateRoot(options)
        : withKeys('keys rotate', async ({ commands }) => {
            const show = showProgress(options.json === true)
            const result = await commands.rotateKeys(operator(), show.update)
            show.end()
            print(options, result, () => summary(result))
            if (!result.done) process.exitCode = FAILED
          }),
    )

  addRootKeyCommands(keys)
}

function summary({ moved, retired, damaged }: RotationResult): string {
  const done = `${moved} values re-sealed; nothing stands on ${retired.join(', ') || 'old keys'}`
  if (damaged.length === 0) return `done: ${done}`
  const list = damaged.map(({ column, token }) => `  ${token} (${column})`).join('\n')
  return `${done}\n${damaged.length} values do not open and stay as they are; restore them from a backup, or erase the records:\n${list}`
}
