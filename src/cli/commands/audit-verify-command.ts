import { type Command, InvalidArgumentError } from 'commander'
import { CallerError } from '../../access/ledger/caller-error.ts'
import { NoteError, type NoteVerifier, parseVerifierKey } from '../../audit/formats/signed-note.ts'
import { LogFileError, openLogOfFile } from '../../audit/verification/log-file.ts'
import type { LogSource } from '../../audit/verification/log-source.ts'
import { type LogVerification, type VerifyLogOptions, verifyLog } from '../../audit/verification/verify-log.ts'
import { verifyProofs } from '../../audit/verification/verify-proofs.ts'
import { openLogOfDatabase } from '../../audit/verification/verify-store.ts'
import { textOf } from '../arguments.ts'
import { FAILED, type Json, print, printStatus, withJson } from '../command.ts'
import { operator } from '../operator.ts'
import { showProgress } from '../show-progress.ts'
import { withVault, withVaultDatabase } from '../with-vault.ts'

interface VerifyOptions extends Json {
  key: NoteVerifier[]
  checkpoint: string[]
  receipt: string[]
  log?: string
  offline?: true
}

/** `strongroom audit verify` */
export function addVerifyCommand(audit: Command): void {
  withJson(audit.command('verify'))
    .description('recompute the log and say exactly what is wrong with it; needs no key of the vault')
    .option('--key <verifier-key>', 'trust this key, as "audit key" printed it; may be repeated', addKey, [])
    .option('--checkpoint <file>', 'the log must contain this checkpoint, or these; may be repeated', addFile, [])
    .option('--receipt <file>', 'the log must contain this receipt; may be repeated', addFile, [])
    .option('--log <file>', 'verify this file, as "audit export --format jsonl" wrote it, and open no database')
    .option('--offline', 'verify only what was given, and open no database')
    .action(verify)
}

async function verify(options: VerifyOptions): Promise<void> {
  const started = performance.now()
  const given = readGiven(options)
  const result = await verifyFrom(options, given)
  const seconds = Math.round((performance.now() - started) / 100) / 10
  const trust = given.keys.length > 0 ? 'given' : 'log'
  print(options, { ...result, trust, seconds }, () => describe(result, seconds))
  if (options.log === undefined && !options.offline) await recordVerification(result)
  if (trust === 'log') {
    printStatus(
      'no verifier key was given, so this proves only that the log agrees with itself. Anyone who can write to its',
    )
    printStatus(
      'database can make such a log. Keep the keys that "audit key" prints elsewhere, and give them with --key.',
    )
  } else if (result.signed < result.size) {
    printStatus(`no checkpoint that a trusted key has signed covers more than the first ${result.signed} events.`)
  }
  if (!result.ok) process.exitCode = FAILED
}

async function verifyFrom(options: VerifyOptions, given: VerifyLogOptions): Promise<LogVerification> {
  const { log, offline, json } = options
  const run = async (source: LogSource) => {
    const show = showProgress(false, 'verified')
    const onProgress: VerifyLogOptions['onProgress'] = ({ done, total }) =>
      show.update({ moved: done, total, remaining: total - done })
    try {
      return await verifyLog(source, json === true && !process.stderr.isTTY ? given : { ...given, onProgress })
    } finally {
      show.end()
    }
  }
  if (log !== undefined) {
    return await openLogOfFile(log)
      .then(run)
      .catch((error: NodeJS.ErrnoException) => {
        if (error instanceof LogFileError) throw new CallerError(`${error.message}.`)
        throw error.syscall === undefined ? error : new CallerError(`${log} cannot be read (${error.code}).`)
      })
  }
  if (offline) {
    if (given.checkpoints.length + given.receipts.length === 0) {
      throw new CallerError('give what is to be verified: --log, --receipt or --checkpoint.')
    }
    if (given.keys.length === 0) throw new CallerError('without a log only --key tells whose signatures to trust.')
    return verifyProofs(given)
  }
  return withVaultDatabase('audit verify', async (database) => run(await openLogOfDatabase(database)))
}

/** Looking at the log is an event too. One that cannot be written must not hide what was found. */
async function recordVerification(result: LogVerification): Promise<void> {
  await withVault('audit verify', ({ commands }) => commands.recordVerification(operator(), result)).catch(() =>
    printStatus('this verification could not be recorded in the log.'),
  )
}

/** @throws {CallerError} */
function readGiven({ key, checkpoint, receipt }: VerifyOptions): VerifyLogOptions {
  return {
    keys: key,
    checkpoints: checkpoint.flatMap((file) =>
      splitNotes(file, textOf(file)).map((one) => ({ place: file, note: one })),
    ),
    receipts: receipt.map((file) => ({ place: file, json: textOf(file) })),
  }
}

function describe(result: LogVerification, seconds: number): string {
  const { origin, size, checkpoints, receipts, records, pending, unproven, dropped, findings } = result
  const lines = findings.map(({ code, sequence, event, token, detail }) => {
    const place = [...(sequence === undefined ? [] : [`leaf ${sequence}`]), event, token].filter(
      (one) => one !== undefined,
    )
    return `${code}${place.length > 0 ? ` (${place.join(', ')})` : ''}: ${detail}`
  })
  return [
    `${origin ?? 'the log'}: ${size} events, ${checkpoints} checkpoints, ${receipts} receipts, ${records} records, in ${seconds} s`,
    ...(pending > 0 ? [`${pending} events wait for their place in the log`] : []),
    ...(unproven > 0 ? [`${unproven} events of commands without keys are named in the log: nothing proves them`] : []),
    ...(dropped > 0 ? [`${dropped} old events were dropped by retention; their hashes are still part of the log`] : []),
    ...(lines.length > 0 ? lines : ['nothing was found']),
  ].join('\n')
}

function addKey(text: string, before: readonly NoteVerifier[]): NoteVerifier[] {
  try {
    return [...before, parseVerifierKey(text)]
  } catch (error) {
    throw new InvalidArgumentError(error instanceof NoteError ? error.message : 'this is not a verifier key')
  }
}

function addFile(file: string, before: readonly string[]): string[] {
  return [...before, file]
}

/**
 * The notes of a file that holds one or, as an append-only copy of checkpoints does, many: each ends with its lines of
 * signatures, and empty lines may follow.
 *
 * @throws {CallerError} when the file ends in the middle of a note, or has none
 */
export function splitNotes(file: string, text: string): string[] {
  const notes = text.match(/(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+/gu) ?? []
  if (notes.length === 0 || notes.join('').replaceAll('\n', '') !== text.replaceAll('\n', '')) {
    throw new CallerError(`${file} holds something else than signed notes, one after the other.`)
  }
  return notes
}
