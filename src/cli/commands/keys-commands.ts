import type { Command } from 'commander'
import { type Json, print, printStatus, withJson } from '../command.ts'
import { confirm } from '../confirm.ts'
import { withKeys } from '../custodians.ts'
import { showBackups, showInventory, showStatus } from '../key-tables.ts'
import { operator } from '../operator.ts'
import { table } from '../table.ts'
import { withVault } from '../with-vault.ts'
import { addRetiredKeyCommands } from './retired-key-commands.ts'
import { addRootKeyCommands } from './root-key-commands.ts'
import { addRotateCommand } from './rotate-command.ts'

/** `strongroom keys …` */
export function addKeysCommands(keys: Command): void {
  withJson(keys.command('list'))
    .description('list every key with its state and its expiry')
    .action((options: Json) =>
      withVault('keys list', async ({ commands }) => {
        const rootKeys = (await commands.listRootKeys()).map((row) => ({ ...row, purpose: 'root' }))
        const list = [...rootKeys, ...(await commands.listKeys())].map(
          ({ id, purpose, state, created_at, expires_at }) => ({
            id,
            purpose,
            state,
            created_at: created_at.toISOString(),
            expires_at: expires_at?.toISOString() ?? null,
          }),
        )
        print(options, list, () =>
          table(
            ['id', 'purpose', 'state', 'created', 'expires'],
            list.map(({ id, purpose, state, created_at, expires_at }) => [id, purpose, state, created_at, expires_at]),
          ),
        )
      }),
    )

  withJson(keys.command('status'))
    .description('count how many values reference each key, and show the progress of rotations')
    .action((options: Json) =>
      withVault('keys status', async ({ commands }) => {
        const status = await commands.keyStatus()
        print(options, status, () => showStatus(status))
      }),
    )

  withJson(keys.command('inventory'))
    .description('list every key with its algorithm, strength, state, age, uses, references and expiry')
    .action((options: Json) =>
      withKeys('keys inventory', async ({ commands }) => {
        const inventory = await commands.takeInventory()
        print(options, inventory, () => showInventory(inventory))
      }),
    )

  withJson(keys.command('destroy'))
    .description('destroy a retired key for good: rows of older backups never open again in this vault')
    .argument('<id>')
    .option('--yes', 'do not ask')
    .action(async (id: string, options: Json & { yes?: true }) => {
      printStatus(
        `This vault can then never open again what older backups hold under ${id}. It does not close the backups themselves:`,
      )
      printStatus(
        'one from before holds the key too, and opens with the root key of its day (its passphrase, shares, KMS or HSM key).',
      )
      const question = 'Type the id to continue: '
      await confirm(question, id, options.yes === true)
      await withKeys('keys destroy', async ({ commands }) => {
        const backups = await commands.destroyKey(operator(), id, (reason) => printStatus(`waiting: ${reason}`))
        print(options, { id, state: 'destroyed', backups }, () => `destroyed ${id}`)
        printStatus(showBackups(id, backups))
      })
    })

  addRetiredKeyCommands(keys)
  addRotateCommand(keys)
  addRootKeyCommands(keys)
}
