import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Finding, reviewRules } from '../../audit/review/review-rules.ts'
import { clearNote, pointInTime } from '../arguments.ts'
import { FAILED, type Json, print, withJson } from '../command.ts'
import { operator } from '../operator.ts'
import { withVault } from '../with-vault.ts'

interface ReviewOptions extends Json {
  since: Date
  timeZone: string
  failOnFindings?: true
}

/** `strongroom audit review` and `strongroom audit acknowledge` */
export function addReviewCommands(audit: Command): void {
  withTimes(withJson(audit.command('review')))
    .description('list what a person should look at (PCI DSS 10.4.1.1)')
    .option('--fail-on-findings', `end with ${FAILED} when there is anything that was not acknowledged`)
    .addHelpText('after', `\nRules:\n${reviewRules.map(({ name, sentence }) => `  ${name}: ${sentence}`).join('\n')}`)
    .action((options: ReviewOptions) =>
      withVault('audit review', async ({ commands }) => {
        const { since, timeZone, failOnFindings } = options
        const findings = await commands.reviewLog(operator(), { since, timeZone })
        print(options, findings, () => findings.map(asText).join('\n') || 'nothing to look at')
        if (failOnFindings && findings.some(({ acknowledged }) => acknowledged === null)) process.exitCode = FAILED
      }),
    )

  withTimes(withJson(audit.command('acknowledge')))
    .description('acknowledge a finding of the review and note the result')
    .argument('<finding>', 'the id that the review shows')
    .requiredOption('--note <text>', 'the result, in one line; the log keeps it in the clear', clearNote)
    .action((finding: string, options: ReviewOptions & { note: string }) =>
      withVault('audit acknowledge', async ({ commands }) => {
        const { since, timeZone, note } = options
        const acknowledged = await commands.acknowledgeFinding(operator(), { since, timeZone, finding, note })
        print(options, acknowledged, () => asText(acknowledged))
      }),
    )
}

function withTimes(command: Command): Command {
  return command
    .addOption(
      new Option('--since <time>', 'of this time or later: RFC 3339, YYYY-MM-DD, or 24h for 24 hours ago')
        .argParser(pointInTime)
        .default(pointInTime('24h'), '24h'),
    )
    .option('--time-zone <zone>', 'the time zone of the working hours, such as Asia/Singapore', timeZone, 'UTC')
}

/** Names only: PostgreSQL reads the sign of an offset the other way round. */
function timeZone(text: string): string {
  try {
    if (!/^[A-Za-z]/.test(text)) throw new RangeError()
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone
  } catch {
    throw new InvalidArgumentError('expected the name of a time zone, such as Asia/Singapore')
  }
}

function asText({ id, rule, severity, caller, detail, first, last, events, acknowledged }: Finding): string {
  const lines = [
    `${severity}  ${rule}  ${caller ?? '-'}  ${detail}`,
    `    ${id}`,
    `    from ${first} to ${last}: ${events.join(' ')}`,
    ...(acknowledged ? [`    acknowledged by ${acknowledged.by} at ${acknowledged.at}: ${acknowledged.note}`] : []),
  ]
  // Names and notes come from elsewhere, and this goes to a terminal.
  return lines.map((line) => line.replaceAll(/\p{C}/gu, '?')).join('\n')
}
