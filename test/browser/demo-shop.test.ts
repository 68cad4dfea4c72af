import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { chromiumIsMissing } from '../support/browser/chromium.ts'
import { projectRoot } from '../support/source-files.ts'
import { without } from '../support/without.ts'

const missing = chromiumIsMissing()

it.skipIf(missing)(`a shopper pays in the demo, and the shop learns tokens only${without(missing)}`, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(projectRoot, 'examples/demo-shop.ts')])
  expect(stdout).toContain('Done. The throw-away vault is gone.')
  expect(stdout).toMatch(/the vault says .*"state":"completed".*"token":"card_/)
  expect(stdout).toMatch(/"brand":"visa","last4":"4242"/)
  expect(stdout).not.toMatch(/4242[ -]?4242|Tan Mei Ling|Marina View/)
})
