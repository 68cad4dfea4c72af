import type { Command } from 'commander'
import type { KeyCertificate } from '../keys/certificate.ts'
import type { RotationName } from '../keys/rotation/rotation.ts'
import { type Json, note, operator, print, withJson, withPausableVault } from './command.ts'
import { bringRootKey, withKeys } from './custodians.ts'
import { showExposure } from './key-tables.ts'
import { exitCodeOf, followRotation, summary } from './rotate-command.ts'

/** `strongroom keys compromise` and `strongroom keys certificate` */
export function addRetiredKeyCommands(keys: Command): void {
  withJson(keys.command('compromise'))
    .description('mark a key as known to somebody else, replace it at once, list what it exposes, and move all of that')
    .argument('<id>')
    .action((id: string, options: Json) =>
      withPausableVault('keys compromise', async (vault, signal) => {
        await bringRootKey(vault)
        const { commands } = vault
        const exposure = await commands.compromiseKey(operator(), id)
        note(showExposure(exposure))
        // Its successor is made, and healthy.
        const request = { purposes: [exposure.purpose], makesKeys: false }
        // Whatever is being rotated just now is no reason to leave it.
        const result = await followRotation({ wait: true }, signal, (control) =>
          commands.rotateKeys(operator(), request, control),
        )
        print(options, { ...exposure, ...result }, () => summary(result, nameOf[exposure.purpose]))
        process.exitCode = exitCodeOf(result)
      }),
    )

  withJson(keys.command('certificate'))
    .description('a signed statement that a key was retired, and that nothing stands on it')
    .argument('<id>')
    .action((id: string, options: Json) =>
      withKeys('keys certificate', async ({ commands }) => {
        const certified = await commands.certifyKey(operator(), id)
        print(options, certified, () => describeCertificate(certified))
      }),
    )
}

const nameOf = {
  display: 'data',
  secret: 'data',
  index: 'index',
  'token-signing': 'signing',
  'audit-signing': 'audit',
  'registry-mac': 'mac',
  'access-mac': 'mac',
  'event-mac': 'mac',
  'limit-mac': 'mac',
} as const satisfies Record<string, RotationName>

function describeCertificate({ statement, certificate, public_key }: KeyCertificate): string {
  const { census, ...facts } = statement
  const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(13)} ${value ?? '-'}`)
  return [...lines, `census        ${census.values} values at ${census.at}`, '', certificate, '', public_key].join('\n')
}
