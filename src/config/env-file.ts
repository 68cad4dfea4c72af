import path from 'node:path'
import { parseEnv } from 'node:util'
import { VaultError } from '../values/vault-error.ts'
import { readTrustedFile, UntrustedFile } from './trusted-file.ts'

/** A file of options cannot be used. The message says why, and how to correct it, in one sentence. */
export class EnvFileError extends VaultError {
  override readonly name = 'EnvFileError'
}

/** Only the environment itself names the file, so that no file leads to another. */
const NAMES_THE_FILE = 'STRONGROOM_ENV_FILE'

/** Variables that the SDK of AWS KMS reads itself. */
const AWS_NAMES = [
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_KMS',
]

/**
 * Adds to the environment what a file sets and the environment does not: the file that STRONGROOM_ENV_FILE names, or
 * outside production `.env` in the working directory, if it exists.
 *
 * Anyone may have written a file in the working directory. So it sets options of the vault and no variables of Node.js
 * (NODE_OPTIONS), is trusted by its owner and mode, and cannot make a vault a production one, since production would
 * not have read it.
 *
 * @throws {EnvFileError}
 */
export function addEnvFile(env: NodeJS.ProcessEnv, options: readonly string[]): void {
  const named = env[NAMES_THE_FILE] || undefined
  if (named === undefined && env.NODE_ENV === 'production') return
  const file = path.resolve(named ?? '.env')
  const text = readText(file)
  if (text === undefined) {
    if (named === undefined) return
    throw new EnvFileError(`there is no file ${file}: correct ${NAMES_THE_FILE}, or unset it.`)
  }
  const values = parseEnv(text)
  requireKnownNames(file, Object.keys(values), options)
  if (named === undefined && values.NODE_ENV === 'production' && env.NODE_ENV === undefined) {
    throw new EnvFileError(
      `${file} sets NODE_ENV=production, and in production it is not read: name it in ${NAMES_THE_FILE}, or set NODE_ENV in the environment.`,
    )
  }
  for (const [name, value] of Object.entries(values)) env[name] ??= value
}

function readText(file: string): string | undefined {
  try {
    return readTrustedFile(file)
  } catch (error) {
    if (error instanceof UntrustedFile) throw new EnvFileError(`the options in ${file} are not used: ${error.message}`)
    const { code } = error as NodeJS.ErrnoException
    throw new EnvFileError(`the options in ${file} cannot be read (${code}): make it readable to the vault's user.`)
  }
}

function requireKnownNames(file: string, names: readonly string[], options: readonly string[]): void {
  const isKnown = (name: string) => name !== NAMES_THE_FILE && (options.includes(name) || AWS_NAMES.includes(name))
  const unknown = names.find((name) => !isKnown(name))
  if (unknown === undefined) return
  // A line that is not an assignment may hold anything, for example a passphrase.
  const shown = /^[A-Z][A-Z0-9_]{0,63}$/.test(unknown) ? unknown : 'a name'
  throw new EnvFileError(`${file} sets ${shown}, which is not an option of the vault: remove that line.`)
}
