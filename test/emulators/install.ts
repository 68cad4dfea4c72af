/**
 * What `npm run test:forward` does first: builds the emulators of payment processors whose tools are here, in the pinned
 * versions. The tests leave out the others, and name them.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { EMULATORS, LOCALSTRIPE_PYTHON, STRIPE_MOCK } from './emulator.ts'

const HERE = import.meta.dirname

function run(command: string, args: readonly string[], cwd = HERE): boolean {
  return spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] }).status === 0
}

mkdirSync(EMULATORS, { recursive: true })
const installs = {
  'stripe-mock': () => run('go', ['build', '-o', STRIPE_MOCK, 'github.com/stripe/stripe-mock'], path.join(HERE, 'go')),
  localstripe: () =>
    (existsSync(LOCALSTRIPE_PYTHON) ||
      run('python3', ['-m', 'venv', path.dirname(path.dirname(LOCALSTRIPE_PYTHON))])) &&
    run(LOCALSTRIPE_PYTHON, ['-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', 'requirements.txt']),
}
const needs: Readonly<Record<keyof typeof installs, [name: string, command: string]>> = {
  'stripe-mock': ['Go', 'go version'],
  localstripe: ['Python with venv', 'python3 -c "import ensurepip"'],
}
for (const [name, install] of Object.entries(installs)) {
  const [tool, command] = needs[name as keyof typeof installs]
  if (spawnSync('sh', ['-c', command], { stdio: 'ignore' }).status !== 0) {
    process.stdout.write(`left out  ${name}: without ${tool}\n`)
  } else if (!install()) {
    process.stdout.write(`FAILED  ${name} could not be installed\n`)
    process.exitCode = 1
  }
}
