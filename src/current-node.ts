import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { NO_INSPECTOR_SIGNAL, withoutInspectorSignal } from './inspector-signal.ts'

/**
 * Imported first, for its effect: the process runs on the right Node.js, and no signal opens it to a debugger.
 *
 * npm's scripts and npx run the vault on the Node.js that npm brought, but whoever starts the file itself may run it on an
 * older one, on which native packages crash without a word. A command is then started again on the right one; a server
 * says how it wants to be started, since signals must reach it directly.
 */
const OLDEST = 24

if (Number(process.versions.node.split('.')[0]) < OLDEST) {
  const command = process.argv[2]
  const node = packagedNode()
  if (node === undefined || command === undefined || command === 'serve') {
    process.stderr.write(
      `Node.js ${process.versions.node} is too old: use "npm start" or "npx strongroom", or install ${OLDEST} or newer.\n`,
    )
    process.exit(1)
  }
  const { status } = spawnSync(node, [NO_INSPECTOR_SIGNAL, ...process.argv.slice(1)], { stdio: 'inherit' })
  process.exit(status ?? 1)
}

if (isOwnProgram() && !process.execArgv.includes(NO_INSPECTOR_SIGNAL)) replaceProcess()

// SIGUSR2 would end the process. SIGUSR1 has a listener too, for a process that could not be given the flag.
for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {})

/**
 * The same process, with the same id, files and environment, begins again with the flag. A forked process has its flags
 * from the one that forked it, and would lose its channel; Windows has neither the signal nor the call.
 */
function replaceProcess(): void {
  if (process.platform === 'win32' || process.send !== undefined || process.execve === undefined) return
  const args = [...withoutInspectorSignal(process.execArgv), ...process.argv.slice(1)]
  process.execve(process.execPath, [process.execPath, ...args])
}

/** Whether a program of this folder was started, rather than one that imports a part of it. */
function isOwnProgram(): boolean {
  const program = process.argv[1]
  if (program === undefined) return false
  try {
    return path.dirname(realpathSync(program)) === import.meta.dirname
  } catch {
    return false
  }
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
