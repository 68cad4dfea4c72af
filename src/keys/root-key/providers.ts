import type { RandomBytes } from '../../values/random.ts'
import { createAwsKmsProvider } from './aws-kms.ts'
import { createCustodianSharesProvider } from './custodian-shares.ts'
import { createPassphraseFileProvider } from './passphrase-file.ts'
import { createPkcs11Provider } from './pkcs11.ts'
import {
  RootKeyConfigError,
  type RootKeyProvider,
  type RootKeyProviderName,
  type RootKeyRecord,
  rootKeyProviderNames,
  type TokenFacts,
} from './root-key.ts'

/** What all providers together are configured with; each takes what is its own. */
export interface RootKeyOptions {
  /** The passphrase file. */
  file: string
  /** The KMS key, or the label of a new key in a PKCS#11 token. */
  keyId?: string | undefined
  pkcs11Module?: string | undefined
  pkcs11Token?: string | undefined
  pkcs11PinFile?: string | undefined
  /** The token that a root key was found in before. */
  pinnedToken?: ((rootKeyId: string) => TokenFacts | undefined) | undefined
  /** Whether a new vault may make itself a passphrase, marked as one for development. */
  development: boolean
  randomBytes: RandomBytes
}

/** The provider of that name. */
export function createRootKeyProvider(name: RootKeyProviderName, options: RootKeyOptions): RootKeyProvider {
  const { development, randomBytes } = options
  switch (name) {
    case 'passphrase-file':
      return createPassphraseFileProvider({ file: options.file, development, randomBytes })
    case 'custodian-shares':
      return createCustodianSharesProvider()
    case 'aws-kms':
      return createAwsKmsProvider({ keyId: options.keyId })
    case 'pkcs11':
      return createPkcs11Provider({
        module: options.pkcs11Module,
        token: options.pkcs11Token,
        label: options.keyId,
        pinFile: options.pkcs11PinFile,
        pinnedToken: options.pinnedToken,
        randomBytes,
      })
  }
}

/** @throws {RootKeyConfigError} when the vault's root key comes from somewhere else than the configuration says */
export function requireProvider(record: RootKeyRecord, configured: RootKeyProviderName): void {
  if (record.provider === configured) return
  const known = (rootKeyProviderNames as readonly string[]).includes(record.provider)
  throw new RootKeyConfigError(
    known
      ? `the root key ${record.id} of this vault comes from ${record.provider}, and STRONGROOM_ROOT_KEY says ${configured}: set it to ${record.provider}, or move the root key with "strongroom keys migrate-root --to ${configured}".`
      : `the root key ${record.id} of this vault comes from a provider that this version does not know, or its row in "root_keys" was changed.`,
  )
}
