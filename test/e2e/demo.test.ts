import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Ended, processesNaming, type RunningProgram, startProgram } from '../support/run-program.ts'
import { projectRoot } from '../support/source-files.ts'

const CARD_NUMBER = /4242[ -]?4242[ -]?4242[ -]?4242/g

/** The demonstration's own temporary directory: everything that it leaves is in there. */
let directory: string
beforeAll(() => {
  directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-e2e-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function startDemo(): RunningProgram {
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: directory, TMPDIR: directory }
  return startProgram({
    command: process.execPath,
    args: [path.join(projectRoot, 'examples/demo.ts')],
    cwd: directory,
    env,
  })
}

const expectNothingLeft = () => {
  expect(processesNaming(directory)).toEqual([])
  expect(readdirSync(directory)).toEqual([])
}

describe('the demonstration', () => {
  let result: Ended
  /** What each party sees, from its heading to the next one. */
  let scenes: string[]
  const scene = (heading: RegExp) => scenes.find((text) => heading.test(text.split('\n')[0] ?? '')) ?? ''

  beforeAll(async () => {
    result = await startDemo().ended
    scenes = result.stdout.split(/\n(?=\d\. )/)
  })

  it('ends well, and leaves no process and no file', () => {
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expectNothingLeft()
  })

  it.each<[string, RegExp, RegExp]>([
    ['the checkout gets tokens', /checkout/i, /"token": "card_[0-9a-z]{26}"/],
    ['fulfilment sees the shipping address', /fulfilment/i, /"line1": "8 Marina View"/],
    ['support sees the card masked', /^\d\. support/i, /"last4": "4242"/],
    ['the insider is refused', /insider/i, /"status": 403/],
    ['billing sees the number', /billing/i, /"number": "4242424242424242"/],
    ['the operator rotates the keys', /operator/i, /"done": true/],
    ['the auditor sees the refusal', /auditor/i, /request\.refuse +refused +staff:\w+/],
    ['the auditor sees the release', /auditor/i, /record\.reveal +success +staff:\w+ +process-payment/],
  ])('%s', (_, heading, sight) => {
    expect(scene(heading)).toMatch(sight)
  })

  it('prints a whole card number to billing only', () => {
    expect(scene(/billing/i).match(CARD_NUMBER)).toEqual(['4242424242424242'])
    expect(result.stdout.match(CARD_NUMBER)).toHaveLength(1)
  })
})

it('leaves nothing when it is interrupted either', async () => {
  const { child, output, ended } = startDemo()
  await vi.waitFor(() => expect(output.stdout).toContain('1. The checkout'), { timeout: 30_000, interval: 20 })
  const database = processesNaming(directory)
  expect(database).not.toEqual([])
  child.kill('SIGINT')
  await ended
  try {
    expectNothingLeft()
  } finally {
    for (const pid of database.filter((pid) => processesNaming(directory).includes(pid))) process.kill(pid, 'SIGQUIT')
    await vi.waitFor(() => expect(processesNaming(directory)).toEqual([]), { timeout: 10_000 })
  }
})
