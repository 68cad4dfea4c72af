import { type Command, InvalidArgumentError } from 'commander'
import type { RetirementAttestation } from '../../keys/lifecycle/retirement-attestation.ts'
import { rotationOf } from '../../keys/rotation/rotation.ts'
import { mayBeCardNumber } from '../../kinds/clear-value.ts'
import type { Vault } from '../../vault.ts'
import { type Json, print, printStatus, withJson } from '../command.ts'
import { withKeys, withPausableKeys } from '../custodians.ts'
import { showExposure } from '../key-tables.ts'
import { operator } from '../operator.ts'
import { exitCodeOf, followRotation, KEEP_OLD_KEYS, summary } from './rotate-command.ts'

/** `strongroom keys compromise` and `strongroom keys certificate` */
export function addRetiredKeyCommands(keys: Command): void {
  withJson(keys.command('compromise'))
    .description('declare a key compromised: replace it at once, list what it exposed, and re-encrypt all of that')
    .argument('<id>')
    .option('--keep-old-keys', KEEP_OLD_KEYS)
    .action((id: string, options: Json & { keepOldKeys?: true }) => {
      const compromise = async ({ commands }: Vault, signal: AbortSignal) => {
        const exposure = await commands.compromiseKey(operator(), id)
        printStatus(showExposure(exposure))
        // Its successor is made, and healthy.
        const keepsKeys = options.keepOldKeys === true
        const request = { purposes: [exposure.purpose], makesKeys: false, keepsKeys }
        // A running rotation is no reason to leave the attestation out.
        const result = await followRotation({ wait: true }, signal, (control) =>
          commands.rotateKeys(operator(), request, control),
        )
        print(options, { ...exposure, ...result }, () => summary(result, rotationOf(exposure.purpose)))
        process.exitCode = exitCodeOf(result)
      }
      return withPausableKeys('keys compromise', compromise, { takesAccessAway: true })
    })

  withJson(keys.command('reopen'))
    .description('let a closed key open again, so that rows of a backup can be put back; the next rotation closes it')
    .argument('<id>')
    .requiredOption('--reason <text>', 'why, for the audit log, in the clear', parseReason)
    .action((id: string, options: Json & { reason: string }) =>
      withKeys('keys reopen', async ({ commands }) => {
        await commands.reopenKey(operator(), id, options.reason)
        print(options, { id, closed: false }, () => `${id} opens again, until a rotation finds nothing on it`)
      }),
    )

  withJson(keys.command('certificate'))
    .description('print a signed attestation that a key was retired and nothing references it')
    .argument('<id>')
    .action((id: string, options: Json) =>
      withKeys('keys certificate', async ({ commands }) => {
        const certified = await commands.certifyKey(operator(), id)
        print(options, certified, () => describeCertificate(certified))
      }),
    )
}

/** The log keeps the reason in the clear. */
function parseReason(text: string): string {
  const reason = text.normalize('NFC').trim()
  if (!/^[^\p{C}]{3,200}$/u.test(reason)) throw new InvalidArgumentError('expected 3 to 200 characters on one line')
  if (mayBeCardNumber(reason)) throw new InvalidArgumentError('it may hold a card number')
  return reason
}

function describeCertificate({ statement, certificate, public_key }: RetirementAttestation): string {
  const { census, ...facts } = statement
  const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(13)} ${value ?? '-'}`)
  return [...lines, `census        ${census.values} values at ${census.at}`, '', certificate, '', public_key].join('\n')
}
