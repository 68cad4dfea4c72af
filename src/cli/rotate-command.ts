import { type Command, InvalidArgumentError, Option } from 'commander'
import type { RotationEstimate } from '../keys/rotation/estimate-rotation.ts'
import { type RotateControl, type RotationName, type RotationResult, rotations } from '../keys/rotation/rotation.ts'
import type { Strongroom } from '../strongroom.ts'
import { FAILED, type Json, note, operator, PAUSED, print, withJson, withPausableVault } from './command.ts'
import { bringRootKey } from './custodians.ts'
import { CEREMONY_NEEDED, rotateRoot, rotateRootOf } from './root-key-commands.ts'
import { showProgress } from './show-progress.ts'

interface RotateOptions extends Json {
  dryRun?: true
  detach?: true
  wait?: true
  rowsPerSecond?: number
}

/** What may be rotated. The root key is rotated in another way: it wraps keys, and no value stands on it. */
const names = [...Object.keys(rotations), 'root'] as (RotationName | 'root')[]

/** `strongroom keys rotate` */
export function addRotateCommand(keys: Command): void {
  const limit = new Option('--rows-per-second <count>', 'move at most so many values a second').argParser(parseCount)
  withJson(keys.command('rotate'))
    .description('make new keys and move everything to them, while the vault serves; goes on after a kill or a pause')
    .addArgument(keys.createArgument('[which]', 'the keys to rotate').choices(names).default('data'))
    .option('--dry-run', 'only show what would be moved, and how long that would take')
    .addOption(limit)
    .option('--detach', 'let a server of the vault do it, and return at once')
    .option('--wait', 'wait for another rotation to end')
    .action((which: RotationName | 'root', options: RotateOptions) => {
      if (which === 'root') return rotateRoot(options)
      return withPausableVault('keys rotate', async (vault, signal) => {
        await bringRootKey(vault)
        // First of all: what is made afterwards is wrapped by it.
        if (which === 'all' && !options.dryRun && !options.detach) {
          const root = await rotateRootOf(vault)
          note(
            root === undefined ? CEREMONY_NEEDED : `${root.rewrapped} keys are wrapped by the new root key ${root.id}`,
          )
        }
        await rotate(vault, which, options, signal)
      })
    })
}

async function rotate(
  { commands }: Strongroom,
  which: RotationName,
  options: RotateOptions,
  signal: AbortSignal,
): Promise<void> {
  const request = { purposes: rotations[which], rowsPerSecond: options.rowsPerSecond }
  if (options.dryRun) {
    const estimate = await commands.estimateRotation(request)
    print(options, estimate, () => describeEstimate(estimate))
    return
  }
  if (options.detach) {
    await commands.requestRotation(operator(), request)
    print(options, { done: false, detached: true, which }, () => 'a server will do it: see "strongroom keys status"')
    return
  }
  const result = await followRotation(options, signal, (control) => commands.rotateKeys(operator(), request, control))
  print(options, result, () => summary(result, which))
  process.exitCode = exitCodeOf(result)
}

/** Runs a rotation for the person or the machine that watches it. */
export async function followRotation(
  options: { json?: true; wait?: true },
  signal: AbortSignal,
  run: (control: RotateControl) => Promise<RotationResult>,
): Promise<RotationResult> {
  const show = showProgress(options.json === true)
  const said = new Set<string>()
  const onWait = (reason: string) => {
    if (!said.has(reason)) note(`waiting: ${reason}`)
    said.add(reason)
  }
  try {
    return await run({ onProgress: show.update, onWait, signal, wait: options.wait === true })
  } finally {
    show.end()
  }
}

/** 0 only when nothing is left to do. */
export function exitCodeOf({ done, paused }: RotationResult): number {
  if (done) return 0
  return paused ? PAUSED : FAILED
}

/** What a rotation did, for a person. */
export function summary({ moved, remaining, retired, damaged, paused }: RotationResult, which: RotationName): string {
  if (paused) {
    return `paused: ${moved} values re-sealed, ${remaining} remain; "strongroom keys rotate ${which}" goes on`
  }
  const done = `${moved} values re-sealed; nothing stands on ${retired.join(', ') || 'old keys'}`
  if (damaged.length === 0) return `done: ${done}`
  const list = damaged.map(({ column, token }) => `  ${token} (${column})`).join('\n')
  return `${done}\n${damaged.length} values do not open and stay as they are; restore them from a backup, or erase the records:\n${list}`
}

function describeEstimate({ total, keys, values_per_second, estimate_seconds }: RotationEstimate): string {
  const lines = keys.map((key) => `${key.id}  ${key.purpose.padEnd(13)}  ${key.state.padEnd(11)}  ${key.values} values`)
  const rate = values_per_second > 0 ? `, at about ${values_per_second} a second` : ''
  return [...lines, `${total} values would be moved in about ${estimate_seconds} s${rate}; nothing was changed`].join(
    '\n',
  )
}

function parseCount(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 1_000_000) {
    throw new InvalidArgumentError('expected 1 to 1000000')
  }
  return value
}
