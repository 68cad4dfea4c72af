import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Debian's package softhsm2, which `.ci/run` installs; STRONGROOM_TEST_SOFTHSM names another library. */
const MODULE = process.env.STRONGROOM_TEST_SOFTHSM ?? '/usr/lib/softhsm/libsofthsm2.so'
const UTIL = 'softhsm2-util'

/** Why the tests against SoftHSM cannot run here; undefined when they can. In CI they always must. */
export function softHsmIsMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined
  if (!existsSync(MODULE)) return `SoftHSM is not at ${MODULE}: run "apt-get install softhsm2"`
  return isInstalled('pkcs11js') ? undefined : 'the optional package pkcs11js is not installed: it needs a C++ compiler'
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url)(name)
    return true
  } catch {
    return false
  }
}

/** A PKCS#11 token in a directory of its own. */
export interface SoftHsm {
  module: string
  token: string
  pin: string
  pinFile: string
  /** What the library takes from the environment. */
  env: Record<string, string>
  /** Takes the token out, and puts it back. */
  unplug(): void
  plugIn(): void
  /** Makes another token of it with the same label, PIN and keys; again, and it is the first one. Answers with both serial numbers. */
  changeSerial(): { from: string; to: string }
  remove(): void
}

export function createSoftHsm(): SoftHsm {
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-softhsm-'))
  const tokens = path.join(directory, 'tokens')
  const conf = path.join(directory, 'softhsm2.conf')
  const pinFile = path.join(directory, 'pin')
  const [token, pin] = ['vault', '48151623']
  mkdirSync(tokens)
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 })
  const env = { SOFTHSM2_CONF: conf }
  execFileSync(UTIL, ['--init-token', '--free', '--label', token, '--pin', pin, '--so-pin', '31415926'], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  return {
    module: MODULE,
    token,
    pin,
    pinFile,
    env,
    unplug: () => renameSync(tokens, `${tokens}.out`),
    plugIn: () => renameSync(`${tokens}.out`, tokens),
    changeSerial: () => changeSerial(tokens),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** SoftHSM keeps the serial number of a token, 16 hexadecimal digits, in its file. */
function changeSerial(tokens: string): { from: string; to: string } {
  const file = path.join(tokens, readdirSync(tokens)[0]!, 'token.object')
  const text = readFileSync(file, 'latin1')
  const [from] = /[0-9a-f]{16}/.exec(text)!
  const to = [...from].toReversed().join('')
  writeFileSync(file, text.replace(from, to), 'latin1')
  return { from, to }
}
