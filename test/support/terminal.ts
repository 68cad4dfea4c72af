import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect, vi } from 'vitest'

/** Part of Debian's essential package bsdutils, as of every Linux distribution. */
const SCRIPT = '/usr/bin/script'

/** Why programs cannot be given a terminal here; undefined when they can. In CI they always must. */
export function terminalIsMissing(): string | undefined {
  if (process.platform === 'linux' && (existsSync(SCRIPT) || process.env.CI === 'true')) return undefined
  return `programs are given a terminal by ${SCRIPT} of util-linux, which is not here`
}

/** A program at a pseudo-terminal, as a person has it. */
export interface AtTerminal {
  /** The process id of the program itself. */
  pid(): number
  /** Everything it has shown so far. */
  screen(): string
  /** Waits until it shows this, after what was waited for before; answers with what matched. */
  sees(what: RegExp): Promise<RegExpExecArray>
  /** Types a line. */
  type(line: string): void
  press(keys: string): void
  ended: Promise<number | null>
}

/** Starts a program with exactly this environment. Its stdout can be sent to a file, as a shell would. */
export function startAtTerminal(options: {
  command: string
  args: readonly string[]
  cwd: string
  env: Readonly<Record<string, string>>
}): AtTerminal {
  // The shell says which process it is, and becomes the program.
  const line = `echo pid=$$; exec ${[options.command, ...options.args].map((word) => `'${word}'`).join(' ')}`
  const child = spawn(SCRIPT, ['-q', '-e', '-f', '-c', line, '/dev/null'], {
    cwd: options.cwd,
    env: { ...options.env, SHELL: '/bin/sh', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let shown = ''
  let seen = 0
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return {
    pid: () => Number(/pid=(\d+)/.exec(shown)?.[1]),
    screen: () => shown,
    async sees(what) {
      const found = await vi.waitFor(
        () => {
          const match = new RegExp(what.source, what.flags.replace('g', '')).exec(shown.slice(seen))
          if (match === null) expect.fail(`the terminal shows no ${what}; it shows: ${shown.slice(seen)}`)
          return match
        },
        { timeout: 30_000, interval: 20 },
      )
      seen += found.index + found[0].length
      return found
    },
    type: (text) => void child.stdin.write(`${text}\r`),
    press: (keys) => void child.stdin.write(keys),
    ended,
  }
}
