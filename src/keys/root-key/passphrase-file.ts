import { createSecretKey, type KeyObject } from 'node:crypto'
import { access, open as openFile, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import argon2 from 'argon2'
import { z } from 'zod'
import { drawFresh, type RandomBytes } from '../../values/random.ts'
import { MAX_ARGON2 } from './argon2-cost.ts'
import { localCipher } from './local-cipher.ts'
import { createPassphrase, readPassphraseBytes } from './passphrase-bytes.ts'
import { isStrongPassphrase } from './passphrase-strength.ts'
import { RootKeyConfigError, RootKeyMismatch, type RootKeyProvider, type RootKeyRecord } from './root-key.ts'
import { existingRootKey, newRootKey } from './root-key-check.ts'

/** Well above OWASP's floor of 19 MiB and 2 passes: this runs once a start, against a file an attacker may copy. */
const ARGON2 = { memoryCost: 65_536, timeCost: 3, parallelism: 1 }
const SALT_BYTES = 16
const KEY_BYTES = 32

/** Development passphrases carry this mark, so that a production start can refuse them. */
const DEVELOPMENT_MARK = Buffer.from('development-')
/** What opens an existing root key; a new one is measured by `isStrongPassphrase`. */
const MIN_PASSPHRASE_LENGTH = 20
/** Makes a passphrase that is always strong enough. */
const MAKE_ONE = '"openssl rand -base64 32"'

const parametersSchema = z.object({
  salt: z.base64url().min(11).max(86),
  memoryCost: z.number().int().min(19_456).max(MAX_ARGON2.memoryCost),
  timeCost: z.number().int().min(2).max(MAX_ARGON2.timeCost),
  parallelism: z.number().int().min(1).max(MAX_ARGON2.parallelism),
})

export interface PassphraseFileOptions {
  /** The passphrase of the first root key. Each later one lies beside it, in a file named for its id. */
  file: string
  /** Whether a passphrase for development may be made for a vault that has none. */
  development: boolean
  /** What nonces are drawn from. */
  randomBytes: RandomBytes
}

/**
 * Root keys that are derived from a passphrase in a file of mode 0600, with argon2id (RFC 9106).
 *
 * The first root key of a vault uses the file that the operator put there. A replacement writes a new one to
 * `<file>.<root key id>` before the record is committed, and nothing is renamed or overwritten afterwards: if the
 * process dies at any point, the record in the database names a file that exists. The file before it opens older
 * backups, until the operator removes it.
 *
 * A new root key is made of a strong passphrase only, also if a person wrote it. An old one opens with the passphrase
 * that it has.
 */
export function createPassphraseFileProvider({
  file,
  development,
  randomBytes,
}: PassphraseFileOptions): RootKeyProvider {
  const fileOf = (id: string) => `${file}.${id}`
  const derive = async (from: string, record: RootKeyRecord, isNew: boolean) => {
    const passphrase = await readPassphrase(from)
    try {
      if (isNew) await requireStrong(passphrase, from)
      const secret = await deriveSecret(passphrase, record)
      return localCipher('passphrase-file', { id: record.id, secret }, randomBytes)
    } finally {
      passphrase.fill(0)
    }
  }
  return {
    name: 'passphrase-file',
    canGoAway: false,
    async create(id, replaced, vault) {
      // The existing passphrase is never used again, because the vault may have given it up for good.
      const isFirst = replaced === undefined
      if (!isFirst) await writePassphrase(fileOf(id), development)
      else if (development) await createDevelopmentPassphrase(file)
      const record = newPassphraseRecord(id)
      return newRootKey(record, await derive(isFirst ? file : fileOf(id), record, true), vault)
    },
    async open(record) {
      const own = fileOf(record.id)
      const from = (await exists(own)) ? own : file
      return existingRootKey(record, await derive(from, record, false)).catch((error) => {
        if (!(error instanceof RootKeyMismatch)) throw error
        throw new RootKeyMismatch(record, from === own ? own : `${file} (there is no ${own})`)
      })
    },
    discard: ({ id }) => rm(fileOf(id), { force: true }),
  }
}

/** The file and those that rotations wrote beside it. */
export async function passphraseFiles(file: string): Promise<string[]> {
  const name = path.basename(file)
  const beside = await readdir(path.dirname(file)).catch((): string[] => [])
  return beside
    .filter((entry) => entry === name || entry.startsWith(`${name}.root_`))
    .map((entry) => path.join(path.dirname(file), entry))
}

/** Writes a passphrase for development with mode 0600; leaves an existing file alone. */
export async function createDevelopmentPassphrase(file: string): Promise<void> {
  await writePassphrase(file, true).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

export async function isDevelopmentPassphrase(file: string): Promise<boolean> {
  const passphrase = await readPassphrase(file)
  const isMarked = passphrase.subarray(0, DEVELOPMENT_MARK.length).equals(DEVELOPMENT_MARK)
  passphrase.fill(0)
  return isMarked
}

/** Whether the file holds a passphrase that is too weak for a new root key. */
export async function isGuessablePassphrase(file: string): Promise<boolean> {
  const passphrase = await readPassphrase(file)
  try {
    return !(await isStrongPassphrase(passphrase))
  } finally {
    passphrase.fill(0)
  }
}

/** The parameters for a new root key derived from a passphrase: a fresh salt and today's costs. */
function newPassphraseRecord(id: string): RootKeyRecord {
  const salt = drawFresh(SALT_BYTES).toString('base64url')
  return { id, provider: 'passphrase-file', parameters: { salt, ...ARGON2 } }
}

/** @throws {RootKeyConfigError} if the vault does not write such, or if they ask for more than `MAX_ARGON2` */
function parametersOf({ id, parameters }: RootKeyRecord): z.output<typeof parametersSchema> {
  const parsed = parametersSchema.safeParse(parameters)
  if (parsed.success) return parsed.data
  throw new RootKeyConfigError(
    `the parameters of the root key ${id} in "root_keys" are not those of a passphrase, or ask argon2 for less than 19 MiB and 2 passes or more than 1 GiB, 10 passes and 4 lanes: the row was changed.`,
  )
}

/**
 * The package makes a `Buffer` of what it is given, which is a copy unless it is given an `ArrayBuffer`; it wipes its
 * own copy.
 */
async function deriveSecret(passphrase: Buffer<ArrayBuffer>, record: RootKeyRecord): Promise<KeyObject> {
  const { salt, memoryCost, timeCost, parallelism } = parametersOf(record)
  const derived = await argon2.hash(passphrase.buffer as unknown as Buffer, {
    type: argon2.argon2id,
    raw: true,
    hashLength: KEY_BYTES,
    salt: Buffer.from(salt, 'base64url'),
    memoryCost,
    timeCost,
    parallelism,
  })
  try {
    return createSecretKey(derived)
  } finally {
    derived.fill(0)
  }
}

/**
 * The file and its directory entry are on the disk before it returns, so that the database never names a file that a
 * loss of power takes away.
 */
async function writePassphrase(file: string, development: boolean): Promise<void> {
  const handle = await openFile(file, 'wx', 0o600)
  const passphrase = createPassphrase()
  try {
    if (development) await handle.writeFile(DEVELOPMENT_MARK)
    await handle.writeFile(passphrase)
    await handle.writeFile('\n')
    await handle.sync()
  } finally {
    passphrase.fill(0)
    await handle.close()
  }
  const directory = await openFile(path.dirname(file), 'r').catch(() => undefined)
  // Windows cannot synchronise a directory, and does not need to.
  await directory?.sync().catch(() => {})
  await directory?.close()
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

/** In memory of its own, which the caller wipes. */
async function readPassphrase(file: string): Promise<Buffer<ArrayBuffer>> {
  const { passphrase, length } = await readPassphraseBytes(file).catch((error: NodeJS.ErrnoException) => {
    throw new RootKeyConfigError(
      error.code === 'ENOENT'
        ? `there is no root-key file at ${file}: restore it, or for a new vault create one with ${MAKE_ONE} and mode 0600.`
        : `the root-key file ${file} cannot be read (${error.code}).`,
    )
  })
  if (length >= MIN_PASSPHRASE_LENGTH) return passphrase
  passphrase.fill(0)
  throw new RootKeyConfigError(
    `the passphrase in ${file} is too short: write 32 random bytes there, which ${MAKE_ONE} prints.`,
  )
}

/** @throws {RootKeyConfigError} */
async function requireStrong(passphrase: Uint8Array, file: string): Promise<void> {
  const isStrong = await isStrongPassphrase(passphrase).catch((error: Error) => {
    throw new RootKeyConfigError(`${error.message}: write 32 random bytes into ${file}, which ${MAKE_ONE} prints.`)
  })
  if (isStrong) return
  throw new RootKeyConfigError(
    `the passphrase in ${file} can be guessed: write 32 random bytes there, which ${MAKE_ONE} prints. Any other must be worth 100 bits by estimate, as 8 words are that dice have chosen.`,
  )
}
