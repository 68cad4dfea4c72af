import { hostname } from 'node:os'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import type { LogEntry } from '../../audit/delivery/log-page-store.ts'
import { syslogMessage } from '../../audit/delivery/syslog-message.ts'
import { PATIENCE, parseReceiver, type SyslogReceiver, sendToReceiver } from '../../audit/delivery/syslog-receiver.ts'
import type { Vault } from '../../vault.ts'
import { count, sequence, textOf } from '../arguments.ts'
import { PAUSED, printStatus, withOperator } from '../command.ts'
import { cursorFile } from '../cursor-file.ts'
import { type LogFilterOptions, readLogFilter, withLogFilter } from '../log-filter.ts'
import { type LogFormatName, logFormats } from '../log-formats.ts'
import { writeOut } from '../log-output.ts'
import { operator } from '../operator.ts'
import { withPausableVault } from '../with-vault.ts'

interface TailOptions extends LogFilterOptions {
  format: LogFormatName
  follow?: true
  lines: number
  after?: number
  cursor?: string
  syslog?: Omit<SyslogReceiver, 'tls'>
  syslogCa?: string
  syslogCert?: string
  syslogKey?: string
}

/** `strongroom audit tail` */
export function addTailCommand(audit: Command): void {
  withLogFilter(withOperator(audit.command('tail').exitOverride()))
    .description('write the end of the log and, with --follow, new events; to stdout or to a syslog receiver')
    .addOption(new Option('--format <format>', 'how').choices(Object.keys(logFormats)).default('jsonl'))
    .option('--json', 'the same as --format jsonl')
    .option('--follow', 'write new events as they come, until interrupted')
    .option('--lines <count>', 'begin with this many of the latest events', count, 10)
    .option('--after <sequence>', 'begin after this event instead', sequence)
    .option(
      '--cursor <file>',
      'keep the position in this file and continue there the next time; the first time from the beginning',
    )
    .option('--syslog <url>', 'send to tls://host[:port] or tcp://host:port (RFC 5424)', receiver)
    .option('--syslog-ca <file>', "the authority of the receiver's certificate, PEM")
    .option('--syslog-cert <file>', 'the certificate to show to the receiver, PEM')
    .option('--syslog-key <file>', 'its private key, PEM')
    .action((options: TailOptions) =>
      withPausableVault('audit tail', (vault, signal) => tailLog(vault, options, signal)),
    )
}

function receiver(text: string): Omit<SyslogReceiver, 'tls'> {
  if (/^udp:/i.test(text))
    throw new InvalidArgumentError(
      'syslog over UDP loses events without notice; use tls://host[:port] or tcp://host:port',
    )
  const parsed = parseReceiver(text)
  if (parsed === undefined) throw new InvalidArgumentError('expected tls://host[:port] or tcp://host:port')
  return parsed
}

async function tailLog(vault: Vault, options: TailOptions, signal: AbortSignal): Promise<void> {
  const { follow = false, after, lines, syslog } = options
  const cursor = options.cursor === undefined ? undefined : cursorFile(options.cursor)
  const beginning = syslog === undefined && cursor === undefined ? { latest: lines } : 0
  const from = (await cursor?.read()) ?? (after === undefined ? beginning : after + 1)
  const send = syslog === undefined ? toOutput(options) : toReceiver(syslog, options, signal)
  const filter = await readLogFilter(options, vault)
  const deliver = async (entries: readonly LogEntry[], next: number) => {
    await send(entries)
    await cursor?.write(next)
  }
  const delivery = { what: 'tail', filter, from, follow, signal, deliver } as const
  const { count, next } = await vault.commands.deliverLog(operator(), delivery)
  printStatus(`${count} events; the log was read as far as ${next - 1}`)
  if (signal.aborted && !follow) process.exitCode = PAUSED
}

type Send = (entries: readonly LogEntry[]) => Promise<void>

function toOutput(options: TailOptions): Send {
  const { head, format, lineEnd } = logFormats[options.format]
  let pending: string = head
  return async (entries) => {
    await writeOut(pending + entries.map((entry) => format(entry) + lineEnd).join(''))
    pending = ''
  }
}

/** Sends in the clear only if the option says so. An event has no personal value, but it says who saw which record. */
function toReceiver(to: Omit<SyslogReceiver, 'tls'>, options: TailOptions, signal: AbortSignal): Send {
  if (options.format === 'csv') throw new CallerError('syslog takes jsonl or ocsf.')
  const { format } = logFormats[options.format]
  const [ca, cert, key] = [options.syslogCa, options.syslogCert, options.syslogKey].map((file) =>
    file === undefined ? undefined : textOf(file),
  )
  const destination = { ...to, tls: { ca, cert, key } }
  const patience = options.follow ? { ...PATIENCE, attempts: Number.POSITIVE_INFINITY } : PATIENCE
  const onFailure = ({ message }: Error) =>
    printStatus(`the receiver did not take the events, and gets them again: ${message}`)
  const host = hostname()
  return (entries) => {
    const messages = entries.map((entry) => syslogMessage(entry, format(entry), host))
    return sendToReceiver(destination, messages, { patience, signal, onFailure })
  }
}
