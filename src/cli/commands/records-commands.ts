import type { Command } from 'commander'
import type { ErasureCertificate } from '../../privacy/erasure/erasure-certificate.ts'
import type { RecordFinding } from '../../records/verification/record-finding.ts'
import type { RecordsVerification } from '../../records/verification/verify-records.ts'
import { FAILED, type Json, print, withJson, withOperator } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { showProgress } from '../show-progress.ts'
import { withVault } from '../with-vault.ts'

/** `strongroom records …` */
export function addRecordsCommands(records: Command): void {
  withJson(records.command('verify'))
    .description('open everything that is stored and compare it with its row, its search terms and the log')
    .action((options: Json) =>
      withKeys('records verify', async ({ commands }) => {
        const show = showProgress(options.json === true, 'verified')
        const onFinding = (finding: RecordFinding) => {
          process.stdout.write(`${options.json ? JSON.stringify(finding) : describeFinding(finding)}\n`)
        }
        const result = await commands
          .verifyRecords(operator(), { onProgress: show.update, onFinding })
          .finally(() => show.end())
        print(options, { done: true, ...result }, () => describeResult(result))
        if (!result.ok) process.exitCode = FAILED
      }),
    )

  withJson(records.command('erasure-certificate'))
    .description('print a signed certificate that a record is erased, with the day after which no backup opens it')
    .argument('<token>')
    .action((token: string, options: Json) =>
      withKeys('records erasure-certificate', async ({ commands }) => {
        const certified = await commands.certifyErasure(operator(), token)
        print(options, certified, () => describeCertificate(certified))
      }),
    )

  withOperator(records.command('erasure-ledger').exitOverride())
    .description('print every line of the ledger of erasures, as it is shipped outside')
    .action(() =>
      withVault('records erasure-ledger', async ({ commands }) => {
        for await (const lines of await commands.listErasures())
          process.stdout.write(lines.map((line) => `${line}\n`).join(''))
      }),
    )
}

function describeCertificate({ statement, certificate, public_key }: ErasureCertificate): string {
  const { keys, unreadable_after, ...facts } = statement
  const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(16)} ${value}`)
  const inUse = keys.filter(({ retired_at }) => retired_at === null).map(({ id }) => id)
  const until =
    unreadable_after ?? `not known: ${inUse.join(', ')} still protect. Run "strongroom keys rotate", then this again`
  return [...lines, `unreadable_after ${until}`, '', certificate, '', public_key].join('\n')
}

function describeFinding({ code, token, event, detail }: RecordFinding): string {
  const place = [token, event].filter((one) => one !== undefined)
  return `${code}${place.length > 0 ? ` (${place.join(', ')})` : ''}: ${detail}`
}

function describeResult({ rows, findings, unbound }: RecordsVerification): string {
  const looked = Object.entries(rows).map(([table, count]) => `${count} of ${table}`)
  return [
    `looked at ${looked.join(', ')}`,
    ...(unbound > 0
      ? [`${unbound} values are not bound to their rows yet: "strongroom keys rotate data" binds them`]
      : []),
    findings === 0 ? 'nothing was found' : `${findings} findings`,
  ].join('\n')
}
