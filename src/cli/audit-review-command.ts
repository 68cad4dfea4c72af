import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Finding, reviewRules } from '../audit/review-rules.ts'
import { pointInTime } from './arguments.ts'
import { FAILED, type Json, operator, print, withJson, withVault } from './command.ts'

interface ReviewOptions extends Json {
  since: Date
  timeZone: string
  failOnFindings?: true
}

/** `strongroom audit review` */
export function addReviewCommand(audit: Command): void {
  withJson(audit.command('review'))
    .description('what a person should look at (PCI DSS 10.4.1.1)')
    .addOption(
      new Option('--since <time>', 'of this time or later: RFC 3339, YYYY-MM-DD, or 24h for so long ago')
        .argParser(pointInTime)
        .default(pointInTime('24h'), '24h'),
    )
    .option('--time-zone <zone>', 'by whose clock working hours are, such as Asia/Singapore', timeZone, 'UTC')
    .option('--fail-on-findings', `end with ${FAILED} when there is anything to look at`)
    .addHelpText('after', `\nRules:\n${reviewRules.map(({ name, sentence }) => `  ${name}: ${sentence}`).join('\n')}`)
    .action((options: ReviewOptions) =>
      withVault('audit review', async ({ commands }) => {
        const { since, timeZone, failOnFindings } = options
        const findings = await commands.reviewLog(operator(), { since, timeZone })
        print(options, findings, () => findings.map(asText).join('\n') || 'nothing to look at')
        if (failOnFindings && findings.length > 0) process.exitCode = FAILED
      }),
    )
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

function asText({ rule, severity, caller, detail, first, last, events }: Finding): string {
  // Names come from elsewhere, and this goes to a terminal.
  const line = `${severity}  ${rule}  ${caller ?? '-'}  ${detail}`.replaceAll(/\p{C}/gu, '?')
  return `${line}\n    from ${first} to ${last}: ${events.join(' ')}`
}
