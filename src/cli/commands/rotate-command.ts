import { type Command, InvalidArgumentError, Option } from 'commander'
import type { EndedRotation } from '../../keys/lifecycle/key-commands.ts'
import type { RootKeyReplaced } from '../../keys/lifecycle/replace-root-key.ts'
import type { RotationEstimate } from '../../keys/rotation/estimate-rotation.ts'
import { type RotateControl, type RotationName, rotations } from '../../keys/rotation/rotation.ts'
import { Problem } from '../../values/problem.ts'
import type { Vault } from '../../vault.ts'
import { FAILED, type Json, PAUSED, print, printStatus, withJson } from '../command.ts'
import { withPausableKeys } from '../custodians.ts'
import { operator } from '../operator.ts'
import { showProgress } from '../show-progress.ts'
import { table } from '../table.ts'
import {
  CEREMONY_NEEDED,
  describeRoot,
  REPLACES,
  type RootRotationOptions,
  rotateRoot,
  rotateRootOf,
} from './root-key-commands.ts'

/** What can be rotated. The root key is rotated in another way: it wraps keys, and encrypts no value. */
const names = [...Object.keys(rotations), 'root'] as (RotationName | 'root')[]

const MIB = 1024 * 1024

/** What `--keep-old-keys` does. */
export const KEEP_OLD_KEYS = 'keep the index keys that are emptied; they are destroyed otherwise'

/** `strongroom keys rotate` */
export function addRotateCommand(keys: Command): void {
  const limit = new Option('--rows-per-second <count>', 'move at most this many values a second').argParser(parseCount)
  withJson(keys.command('rotate'))
    .description(
      'make new keys and re-encrypt everything under them while the vault serves; resumes after a kill or a pause',
    )
    .addArgument(keys.createArgument('[which]', 'the keys to rotate').choices(names).default('data'))
    .option('--dry-run', 'only show what would be moved, how long that would take, and how much WAL it would write')
    .addOption(limit)
    .option('--detach', 'let a server of the vault do it, and return at once')
    .option('--wait', 'wait for another rotation to end')
    .option('--keep-old-keys', KEEP_OLD_KEYS)
    .action((which: RotationName | 'root', options: RootRotationOptions) => {
      if (which === 'root') return rotateRoot(options)
      const needs = { anySchema: options.dryRun === true, ...(which === 'all' ? REPLACES : {}) }
      return withPausableKeys('keys rotate', (vault, signal) => rotate(vault, which, options, signal), needs)
    })
}

async function rotate(
  vault: Vault,
  which: RotationName,
  options: RootRotationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { commands } = vault
  const { rowsPerSecond, keepOldKeys = false } = options
  const request = { purposes: rotations[which], rowsPerSecond, keepsKeys: keepOldKeys }
  if (options.dryRun) {
    const estimate = await commands.estimateRotation(request)
    const root = which === 'all' ? { root_key: (await vault.rootKeys.find())?.id } : {}
    print(options, { ...estimate, ...root }, () => describeEstimate(estimate, root.root_key))
    return
  }
  if (options.detach) {
    await commands.requestRotation(operator(), request)
    print(options, { done: false, detached: true, which }, () => 'a server will do it: see "strongroom keys status"')
    if (which === 'all') printStatus(ROOT_LEFT_OUT)
    return
  }
  const result = await followRotation(options, signal, (control) => commands.rotateKeys(operator(), request, control))
  if (which === 'all') return rotateRootLast(vault, options, result)
  print(options, result, () => summary(result, which))
  process.exitCode = exitCodeOf(result)
}

const ROOT_LEFT_OUT =
  'the root key is left out, since a server can neither hand a new passphrase to the others nor hold a ceremony: when the rotation has ended, run "strongroom keys rotate root".'

/**
 * The end of a rotation of all keys, and once only: a server that does not have the new root key is sealed, and so it comes
 * when nothing else is left to do.
 */
async function rotateRootLast(vault: Vault, options: Json, result: EndedRotation): Promise<void> {
  let { done } = result
  let root: RootKeyReplaced | undefined
  if (done) {
    try {
      root = await rotateRootOf(vault)
      if (root === undefined) printStatus(CEREMONY_NEEDED)
    } catch (error) {
      done = false
      printStatus(`the root key was not rotated: ${error instanceof Error ? error.message : 'unknown error'}`)
      printStatus('everything else is done: continue with "strongroom keys rotate root".')
    }
  } else if (!result.paused) printStatus('the root key stays as it is: "strongroom keys rotate root" makes a new one.')
  const ended = { ...result, done, root: root ?? null }
  print(options, ended, () => [summary(result, 'all'), ...(root === undefined ? [] : [describeRoot(root)])].join('\n'))
  process.exitCode = exitCodeOf(ended)
}

/** Runs a rotation for the person or the machine that watches it. */
export async function followRotation(
  options: { json?: true; wait?: true },
  signal: AbortSignal,
  run: (control: RotateControl) => Promise<EndedRotation>,
): Promise<EndedRotation> {
  const show = showProgress(options.json === true)
  const said = new Set<string>()
  const onWait = (reason: string) => {
    if (!said.has(reason)) printStatus(`waiting: ${reason}`)
    said.add(reason)
  }
  try {
    return await run({ onProgress: show.update, onWait, signal, wait: options.wait === true })
  } catch (error) {
    if (error instanceof Problem) printStatus('what was moved stays moved: run it again to continue.')
    throw error
  } finally {
    show.end()
  }
}

/** 0 only when nothing is left to do. */
export function exitCodeOf({ done, paused }: EndedRotation): number {
  if (done) return 0
  return paused ? PAUSED : FAILED
}

/** What a rotation did, for a person. */
export function summary(
  { moved, remaining, retired, damaged, orphans, paused, destroyed, awaited }: EndedRotation,
  which: RotationName,
): string {
  if (paused) {
    return `paused: ${moved} values re-encrypted, ${remaining} remain; "strongroom keys rotate ${which}" continues`
  }
  const removed = orphans > 0 ? `; ${orphans} search terms led to no record that has them, and were removed` : ''
  const done = `${moved} values re-encrypted; no value is left under ${retired.join(', ') || 'old keys'}${removed}`
  const gone = destroyed.map((id) => `destroyed ${id}`)
  const later = awaited.map(({ id, reason }) => `a server destroys ${id} later: ${reason}`)
  if (damaged.length === 0) return [`done: ${done}`, ...gone, ...later].join('\n')
  const list = damaged.map(({ column, token }) => `  ${token} (${column})`).join('\n')
  return `${done}\n${damaged.length} values do not open and stay as they are; restore them from a backup, or erase the records:\n${list}`
}

function describeEstimate(
  { total, keys, values_per_second, estimate_seconds, wal_bytes }: RotationEstimate,
  rootKey: string | undefined,
): string {
  const rows = keys.map(({ id, purpose, state, values }) => [id, purpose, state, String(values)])
  const rate = values_per_second > 0 ? `, at about ${values_per_second} a second` : ''
  if (rootKey !== undefined) rows.push([rootKey, 'root', 'is replaced last', ''])
  const head = table(['id', 'purpose', 'state', 'values'], rows)
  const wal = `with about ${Math.ceil(wal_bytes / MIB)} MiB of WAL`
  const would = `${total} values would be moved in about ${estimate_seconds} s${rate}, ${wal}; nothing was changed`
  return [head, would].join('\n')
}

function parseCount(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) {
    throw new InvalidArgumentError('expected 1 to 1000000')
  }
  return value
}
