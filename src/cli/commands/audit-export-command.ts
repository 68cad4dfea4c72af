import { type Command, Option } from 'commander'
import type { LogDelivery } from '../../audit/delivery/deliver-log.ts'
import { Interrupted } from '../../start/interruption.ts'
import type { Vault } from '../../vault.ts'
import { sequence } from '../arguments.ts'
import { type Json, print, printStatus, withJson } from '../command.ts'
import { createDraftFile } from '../draft-file.ts'
import { type LogFilterOptions, readLogFilter, withLogFilter } from '../log-filter.ts'
import { formatPage, type LogFormat, type LogFormatName, logFormats } from '../log-formats.ts'
import { writeOut } from '../log-output.ts'
import { operator } from '../operator.ts'
import { withPausableVault } from '../with-vault.ts'

interface ExportOptions extends Json, LogFilterOptions {
  format: LogFormatName
  after?: number
  output?: string
}

const TELL_EVERY_MS = 2_000

/** `strongroom audit export` */
export function addExportCommand(audit: Command): void {
  withLogFilter(withJson(audit.command('export')))
    .description('write the log in its order to stdout or to a file')
    .addOption(new Option('--format <format>', 'how').choices(Object.keys(logFormats)).default('jsonl'))
    .option('--after <sequence>', 'only events after this place in the log', sequence)
    .option('--output <file>', 'write to this file, mode 0600; it appears when it is complete')
    .action((options: ExportOptions) =>
      withPausableVault('audit export', (vault, signal) => exportLog(vault, options, signal)),
    )
}

async function exportLog(vault: Vault, options: ExportOptions, signal: AbortSignal): Promise<void> {
  const { output } = options
  if (output === undefined) {
    printStatus(summary(await writeLog(vault, options, signal, writeOut)))
    return
  }
  const file = await createDraftFile(output)
  try {
    const exported = await writeLog(vault, options, signal, (text) => file.write(text))
    await file.commit()
    print(options, exported, () => summary(exported))
  } catch (error) {
    await file.discard()
    throw error
  }
}

interface Exported {
  count: number
  /** The last event of the log that was looked at; null if there was none. */
  last: number | null
  unsequenced: number
}

/** @throws {Interrupted} after the page that was under way */
async function writeLog(
  vault: Vault,
  options: ExportOptions,
  signal: AbortSignal,
  write: (text: string) => Promise<void>,
): Promise<Exported> {
  const format: LogFormat = logFormats[options.format]
  let pending = format.head
  let told = performance.now()
  const filter = await readLogFilter(options, vault)
  const deliver: LogDelivery['deliver'] = async (entries, next, dropped, checkpoints) => {
    await write(pending + formatPage(format, entries, dropped, checkpoints))
    pending = ''
    if (performance.now() - told < TELL_EVERY_MS) return
    told = performance.now()
    printStatus(`exported as far as ${next - 1}`)
  }
  const from = options.after === undefined ? 0 : options.after + 1
  const delivery = { what: 'export', filter, from, follow: false, signal, deliver } as const
  const { count, next, waiting } = await vault.commands.deliverLog(operator(), delivery)
  const last = next === 0 ? null : next - 1
  if (signal.aborted) throw new Interrupted(`interrupted: "--after ${last ?? 0}" goes on where this ended`)
  await write(pending)
  return { count, last, unsequenced: waiting }
}

function summary({ count, last, unsequenced }: Exported): string {
  const lines = [last === null ? 'no events' : `${count} events; the log was read as far as ${last}`]
  if (unsequenced > 0) lines.unshift(`${unsequenced} events have no place in the log yet and were left out`)
  return lines.join('\n')
}
