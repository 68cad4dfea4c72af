import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants } from 'node:os'
import path from 'node:path'
import { NO_INSPECTOR_SIGNAL, withoutInspectorSignal } from '../values/inspector-signal.ts'

/**
 * Imported first, for its effect: the process runs on the right Node.js, and no signal opens it to a debugger.
 *
 * npm's scripts and npx run the vault on the Node.js that npm brought. A command that is started directly on an older
 * one is started again on the right one, because native packages crash on an older one without a message. The import
 * does not end there, so everything that must not load on the old one is imported after it.
 */
const OLDEST = 24

if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  const node = packagedNode()
  if (node === undefined || !isCommandLine()) {
    process.stderr.write(
      `Node.js ${process.versions.node} is too old: use "npm start" or "npx strongroom", or install ${OLDEST} or newer.\n`,
    )
    process.exit(1)
  }
  await continueOn(node)
}

if (isCommandLine() && !process.execArgv.includes(NO_INSPECTOR_SIGNAL)) replaceProcess()

// SIGUSR2 would end the process. SIGUSR1 has a listener too, for a process that could not be given the flag.
for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})

/**
 * The same process, with the same id, files and environment, begins again with the flag. A forked process has its flags
 * from its parent, and would lose its channel; Windows has neither the signal nor the call.
 */
function replaceProcess(): void {
  if (process.platform === 'win32' || process.send !== undefined || process.execve === undefined) return
  const args = [...withoutInspectorSignal(process.execArgv), ...process.argv.slice(1)]
  process.execve(process.execPath, [process.execPath, ...args])
}

/** Whether the program that was started is the command line, rather than one that imports a part of it. */
function isCommandLine(): boolean {
  try {
    const { dir, name } = path.parse(realpathSync(process.argv[1] ?? ''))
    return dir === path.dirname(import.meta.dirname) && name === 'cli'
  } catch {
    return false
  }
}

/**
 * The same program on that Node.js. Signals that reach this process alone are passed on, and it ends as the other one does.
 * A terminal sends its signals to both.
 */
async function continueOn(node: string): Promise<never> {
  const child = spawn(node, [NO_INSPECTOR_SIGNAL, ...process.argv.slice(1)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => child.kill(signal))
  }
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  process.exit(code ?? 128 + constants.signals[signal ?? 'SIGKILL'])
}

function packagedNode(): string | undefined {
  const platform = process.platform === 'win32' ? 'win' : process.platform
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-${platform}-${process.arch}/package.json`)
    return path.join(path.dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  } catch {
    return undefined
  }
}
