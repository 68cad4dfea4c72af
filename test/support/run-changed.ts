/**
 * Runs the unit tests, and the test files that differ from a commit: `node run-changed.ts [commit]`, HEAD by default.
 *
 * Vitest's own `--changed` follows imports. Every test on a vault imports all of the vault, so it runs nearly all of them.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { projectRoot } from './source-files.ts'

const [commit = 'HEAD'] = process.argv.slice(2)
const lines = (...args: string[]) =>
  execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8' }).split('\n').filter(Boolean)
const changed = [
  ...lines('diff', '--name-only', commit, '--', 'test'),
  ...lines('ls-files', '--others', '--exclude-standard', 'test'),
].filter((file) => file.endsWith('.test.ts') && existsSync(path.join(projectRoot, file)))

const UNIT = ['src/', 'test/vectors/', 'test/corpus/', ...lines('ls-files', ':(glob)test/*.test.ts')]
const vitest = path.join(projectRoot, 'node_modules/vitest/vitest.mjs')
const { status } = spawnSync(process.execPath, [vitest, 'run', ...UNIT, ...changed], {
  cwd: projectRoot,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
