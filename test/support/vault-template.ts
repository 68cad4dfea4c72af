import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import argon2 from 'argon2'
import { remakeAccessMacs } from '../../src/access/ledger-changes/remake-access-macs.ts'
import { openDatabase } from '../../src/database/database.ts'
import { openKeys } from '../../src/keys/ring/keys.ts'
import { localCipher } from '../../src/keys/root-key/local-cipher.ts'
import { createPassphraseFileProvider } from '../../src/keys/root-key/passphrase-file.ts'
import { newRootKey } from '../../src/keys/root-key/root-key-check.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import { silentBackground } from './silent-background.ts'

/** The least that a record of a root key may ask of argon2. A vault makes its own root key at five times the cost. */
const LEAST_ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/**
 * Gives a migrated database the keys that the first start of a vault makes. Every start derives the root key from the
 * passphrase again, and hundreds of tests start a vault.
 */
export async function createVaultKeys(serverUrl: string, rootKeyFile: string): Promise<void> {
  const database = openDatabase({ url: serverUrl, maxConnections: 2 })
  const randomBytes = createRandomBytes()
  const now = () => new Date()
  try {
    const keys = await openKeys({
      database,
      randomBytes,
      now,
      newId: createNewId(now, randomBytes),
      async newRootKey(id, vault) {
        const salt = randomBytes(16)
        const secret = await argon2.hash(readFileSync(rootKeyFile, 'utf8').trim(), {
          ...LEAST_ARGON2,
          type: argon2.argon2id,
          raw: true,
          hashLength: 32,
          salt,
        })
        const parameters = { salt: salt.toString('base64url'), ...LEAST_ARGON2 }
        const cipher = localCipher('passphrase-file', { id, secret: createSecretKey(secret) }, randomBytes)
        const made = await newRootKey({ id, provider: 'passphrase-file', parameters }, cipher, vault)
        return made.record
      },
      openRootKey: createPassphraseFileProvider({ file: rootKeyFile, development: false, randomBytes }).open,
      alert: () => {},
      background: silentBackground(),
      referencing: referencingTables,
      remakeMacs: remakeAccessMacs,
    })
    await keys.close()
  } finally {
    await database.close()
  }
}
