import { readConfig } from '../../config/config.ts'
import { examinePassphrases } from '../../start/doctor/examine-passphrases.ts'
import { examineVault } from '../../start/open-vault.ts'
import { Unsafe } from '../../start/unsafe.ts'
import { FAILED, type Json, print, printStatus } from '../command.ts'
import { recordFailed } from '../failed-command.ts'

/** `strongroom doctor` */
export async function examine(options: Json): Promise<void> {
  const config = readConfig()
  const findings = [
    ...(await examineVault(config, { role: 'command', command: 'doctor', log: printStatus })),
    ...(await examinePassphrases(config)),
  ]
  print(
    options,
    findings,
    () =>
      findings
        .map(({ code, severity, detail }) => `${severity === undefined ? '' : `${severity}: `}${code}: ${detail}`)
        .join('\n') || 'nothing unsafe was found',
  )
  const refusals = findings.filter(({ severity }) => severity === undefined)
  if (refusals.length === 0) return
  process.exitCode = FAILED
  await recordFailed('doctor', new Unsafe(refusals))
}
