import type { Command } from 'commander'
import type { RecordFinding } from '../../records/verification/record-finding.ts'
import type { RecordsVerification } from '../../records/verification/verify-records.ts'
import { FAILED, type Json, print, withJson } from '../command.ts'
import { withKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { showProgress } from '../show-progress.ts'

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
