/**
 * Runs commands of the built program one after the other in this process: `node command-host.ts <built>`. Each message is
 * `{ args, cwd, env }`; the answer is what the command printed and its exit code.
 *
 * Four fifths of the time of a command is the loading of the program. It is loaded once here.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'

export interface HostedCommand {
  args: readonly string[]
  cwd: string
  env: Readonly<Record<string, string>>
}

export interface HostedResult {
  code: number
  stdout: string
  stderr: string
}

const built = process.argv[2] ?? ''
const program = path.join(built, 'src/cli.js')
const { runProgram } = (await import(pathToFileURL(path.join(built, 'src/cli/program.js')).href)) as {
  runProgram: () => Promise<void>
}
// Every command adds listeners that it never removes, because its process ends.
process.setMaxListeners(0)
process.stdout.setMaxListeners(0)

async function run({ args, cwd, env }: HostedCommand): Promise<HostedResult> {
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  process.argv = [process.execPath, program, ...args]
  process.exitCode = undefined
  const printed = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
      printed[name] += chunk
      const done = rest.at(-1)
      if (typeof done === 'function') process.nextTick(done)
      return true
    }
  }
  await runProgram()
  return { code: Number(process.exitCode ?? 0), ...printed }
}

process.on('message', (command: HostedCommand) => void run(command).then((result) => process.send!(result)))
process.once('disconnect', () => process.exit())
process.send!('ready')
