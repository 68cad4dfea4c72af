import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

const node = (...args: string[]) => spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 10_000 })

it('V8 would sweep concurrently by default', () => {
  const { stdout } = node('--v8-options')
  expect(stdout).toMatch(/--concurrent-array-buffer-sweeping .*\n\s+type: bool\s+default: --concurrent-array-/)
})

it('V8 takes the flag without a word', () => {
  const file = new URL('buffer-sweeping.ts', import.meta.url).href
  const { status, stdout, stderr } = node('--input-type=module', '-e', `import ${JSON.stringify(file)}`)
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
})
