import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'

it('V8 takes the flag without a word', () => {
  const file = new URL('buffer-sweeping.ts', import.meta.url).href
  const args = ['--input-type=module', '-e', `import ${JSON.stringify(file)}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 10_000 })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
})
