import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { type Ended, startProgram } from './run-program.ts'
import { projectRoot } from './source-files.ts'

const PYTHON = path.join(projectRoot, '.ci-venv/bin/python')
const PACKAGE = path.join(projectRoot, 'clients/python')

/** Why the Python client cannot run here; undefined when it can. In CI it always must. */
export function pythonIsMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined
  try {
    execFileSync(PYTHON, ['-c', 'import httpx, cryptography, mypy, ruff'], { stdio: 'ignore' })
    return undefined
  } catch {
    const install = 'python3 -m venv .ci-venv && .ci-venv/bin/pip install -r clients/python/requirements.txt'
    return `Python with httpx is not in .ci-venv: run "${install}"`
  }
}

/** Runs Python in the folder of its client. */
export function runPython(...args: string[]): Promise<Ended> {
  return startProgram({
    command: PYTHON,
    args,
    cwd: PACKAGE,
    env: { PATH: process.env.PATH ?? '', PYTHONPATH: 'src', HOME: PACKAGE, PYTHONDONTWRITEBYTECODE: '1' },
  }).ended
}
