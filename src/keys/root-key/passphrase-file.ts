import { createSecretKey, randomBytes as cryptoRandomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import argon2 from 'argon2'
import { z } from 'zod'
import type { RandomBytes } from '../../random-bytes.ts'
import { open, seal } from '../seal.ts'
import type { RootKey, RootKeyRecord } from './root-key.ts'

/** Well above OWASP's floor of 19 MiB and 2 passes: this runs once a start, against a file an attacker may copy. */
const ARGON2 = { memoryCost: 65_536, timeCost: 3, parallelism: 1 }
const SALT_BYTES = 16
const KEY_BYTES = 32
const WRAP_PAD_BYTES = 64

/** Development passphrases carry this mark, so that a production start can refuse them. */
const DEVELOPMENT_MARK = 'development-'
/** 20 characters of base64 are 120 bits. */
const MIN_PASSPHRASE_LENGTH = 20

const parametersSchema = z.object({
  salt: z.string(),
  memoryCost: z.number().int().min(19_456),
  timeCost: z.number().int().min(2),
  parallelism: z.number().int().min(1),
})

/** The parameters for a new root key derived from a passphrase: a fresh salt and today's costs. */
export function newPassphraseRecord(id: string, randomBytes: RandomBytes): RootKeyRecord {
  const salt = randomBytes(SALT_BYTES).toString('base64url')
  return { id, provider: 'passphrase-file', parameters: { salt, ...ARGON2 } }
}

/**
 * Derives the root key from the passphrase in the file with argon2id (RFC 9106).
 *
 * @throws {Error} when the file is absent or the passphrase too short; a wrong passphrase shows only when unwrapping
 */
export async function openPassphraseFile(
  file: string,
  record: RootKeyRecord,
  randomBytes: RandomBytes,
): Promise<RootKey> {
  const passphrase = await readPassphrase(file)
  const { salt, ...costs } = parametersSchema.parse(record.parameters)
  const derived = await argon2.hash(passphrase, {
    type: argon2.argon2id,
    raw: true,
    hashLength: KEY_BYTES,
    salt: Buffer.from(salt, 'base64url'),
    ...costs,
  })
  const key = { id: record.id, secret: createSecretKey(derived) }
  derived.fill(0)
  return {
    record,
    wrap: async (bytes, context) => seal(key, context, bytes, WRAP_PAD_BYTES, randomBytes),
    unwrap: async (wrapped, context) => open(key, context, wrapped),
  }
}

/** Writes a passphrase for development with mode 0600; leaves an existing file alone. */
export async function createDevelopmentPassphrase(file: string): Promise<void> {
  const passphrase = DEVELOPMENT_MARK + cryptoRandomBytes(32).toString('base64url')
  await writeFile(file, `${passphrase}\n`, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

export async function isDevelopmentPassphrase(file: string): Promise<boolean> {
  return (await readPassphrase(file)).startsWith(DEVELOPMENT_MARK)
}

async function readPassphrase(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      error.code === 'ENOENT'
        ? `there is no root-key file at ${file}: restore it, or for a new vault create one with "openssl rand -base64 48" and mode 0600.`
        : `the root-key file ${file} cannot be read (${error.code}).`,
    )
  })
  const passphrase = text.trim()
  if (passphrase.length < MIN_PASSPHRASE_LENGTH) {
    throw new Error(`the passphrase in ${file} is too short: use at least ${MIN_PASSPHRASE_LENGTH} random characters.`)
  }
  return passphrase
}
