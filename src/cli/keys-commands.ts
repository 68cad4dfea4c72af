import type { Command } from 'commander'
import type { KeyStatus } from '../keys/key-status.ts'
import { type Json, print, withJson, withVault } from './command.ts'
import { addRotateCommand } from './rotate-command.ts'

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
        print(options, status, () => status.map(statusLine).join('\n'))
      }),
    )

  addRotateCommand(keys)
}

function statusLine({ id, purpose, state, records, sealed_values, search_terms, rotation }: KeyStatus): string {
  const stands = [
    ...(sealed_values === null ? [] : [`${records} records, ${sealed_values} sealed values`]),
    ...(search_terms === null ? [] : [`${search_terms} search terms`]),
    ...(rotation === null ? [] : [`rotation ${rotation.state}: ${rotation.moved} of ${rotation.total} moved`]),
  ]
  return `${id}  ${purpose.padEnd(13)}  ${state.padEnd(11)}  ${stands.join(', ')}`.trimEnd()
}
