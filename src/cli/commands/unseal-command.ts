import type { Command } from 'commander'
import { readConfig } from '../../config/config.ts'
import { FAILED, type Json, print, printStatus, USAGE } from '../command.ts'
import { NOT_ACCEPTED } from '../custodians.ts'
import { operator } from '../operator.ts'
import { offerShare } from '../operator-client.ts'
import { openTerminal } from '../terminal.ts'

/** `strongroom unseal` */
export async function unseal(options: Json, command: Command): Promise<void> {
  if (command.args.length > 0) {
    // What was given is not repeated: it may be a share.
    printStatus(
      'error: unseal takes no arguments; a share that was one is in the history of the shell, and must be replaced',
    )
    process.exitCode = USAGE
    return
  }
  const terminal = openTerminal('The shares of the root key')
  const share = await terminal.askSecret('Your share: ')
  const status = await offerShare(readConfig(), { share, operator: operator().id })
  if (!status.accepted && !status.open) process.exitCode = FAILED
  print(options, status, () => describe(status))
}

function describe({ accepted, open, given, needed }: Awaited<ReturnType<typeof offerShare>>): string {
  if (open) return 'the vault is open'
  return accepted ? `${given} of ${needed} shares; the vault stays sealed` : NOT_ACCEPTED
}
