import { createRequire } from 'node:module'
import { RootKeyConfigError } from './root-key.ts'

const require = createRequire(import.meta.url)

/**
 * Loads an optional dependency when it is first needed. The caller declares its types as `Module`: the vault is built,
 * and its types are checked, without the package.
 *
 * @throws {RootKeyConfigError} when it is not installed
 */
export function loadOptional<Module>(name: 'pkcs11js' | '@aws-sdk/client-kms'): Module {
  try {
    return require(name)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new RootKeyConfigError(
      code === 'MODULE_NOT_FOUND'
        ? `this root key needs the optional package "${name}", which is not installed: run "npm install ${name}", for pkcs11js where there is a C++ compiler.`
        : `the package "${name}" cannot be loaded${code ? ` (${code})` : ''}: run "npm rebuild ${name}".`,
    )
  }
}
