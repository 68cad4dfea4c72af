import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { softHsmIsMissing } from './soft-hsm.ts'

const SOURCE = path.join(import.meta.dirname, 'vendor-token/vendor-token.cpp')
/** What node-gyp takes, which has built pkcs11js. */
const COMPILER = process.env.CXX ?? 'g++'

/** Whose manners the token has; `vendor-token.cpp` describes them. */
export type Vendor = 'kwp' | 'luna' | 'protectserver' | 'cloudhsm' | 'yubihsm' | 'bare' | 'loose' | 'softhsm'

/** Why a token with the manners of a vendor cannot be built here; undefined when it can. In CI it always must. */
export function vendorTokenIsMissing(): string | undefined {
  if (process.env.CI === 'true') return undefined
  const missing = softHsmIsMissing()
  if (missing !== undefined) return missing
  return spawnSync(COMPILER, ['--version']).status === 0 ? undefined : 'there is no C++ compiler'
}

/** Compiles the module into the directory, with the headers that pkcs11js brings. @returns its path */
export function buildVendorToken(directory: string): string {
  const module = path.join(directory, 'vendor-token.so')
  const headers = path.join(path.dirname(createRequire(import.meta.url).resolve('pkcs11js')), 'includes')
  const built = spawnSync(COMPILER, ['-std=c++17', '-shared', '-fPIC', '-I', headers, '-o', module, SOURCE, '-ldl'], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  if (built.status !== 0) throw new Error(`the module does not compile: ${built.stderr}`)
  return module
}

/** What the module takes from the environment. */
export function vendorEnv(vendor: Vendor, module: string): Record<string, string> {
  return { VENDOR_TOKEN: vendor, VENDOR_TOKEN_MODULE: module }
}
