import { readConfig } from '../../config/config.ts'
import { migrateVault } from '../../start/open-vault.ts'
import { type Json, print, printStatus } from '../command.ts'
import { operator } from '../operator.ts'
import { withVault } from '../with-vault.ts'

/** `strongroom migrate` */
export async function migrate(options: Json & { acceptSchema?: string }): Promise<void> {
  if (options.acceptSchema !== undefined) return acceptChangedSchema(options, options.acceptSchema)
  const applied = await migrateVault(readConfig(), { role: 'command', command: 'migrate', log: printStatus })
  print(options, applied, () =>
    applied.length === 0 ? 'nothing to do' : applied.map((name) => `applied ${name}`).join('\n'),
  )
}

function acceptChangedSchema(options: Json, hash: string): Promise<void> {
  return withVault('migrate', async ({ commands }) => {
    const { differences } = await commands.acceptSchema(operator(), hash)
    print(options, { accepted: differences, hash }, () => differences.map((one) => `accepted: ${one}`).join('\n'))
  })
}
