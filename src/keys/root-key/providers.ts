import type { KeysConfig } from '../../config/config-sections.ts'
import { type RootKeyProviderName, rootKeyProviderNames } from '../../config/option-values.ts'
import type { RandomBytes } from '../../values/random.ts'
import { RootKeyConfigError, type RootKeyProvider, type RootKeyRecord, type TokenFacts } from './root-key.ts'

/** The options of all providers, of which each takes its own, and what they need of the vault. */
export interface RootKeyDeps {
  config: KeysConfig
  /** The token that a root key was found in before. */
  pinnedToken?: ((rootKeyId: string) => TokenFacts | undefined) | undefined
  /** Whether a new vault may make itself a passphrase, marked as one for development. */
  development: boolean
  randomBytes: RandomBytes
}

/** The provider of that name; no other one is loaded. */
export async function createRootKeyProvider(name: RootKeyProviderName, deps: RootKeyDeps): Promise<RootKeyProvider> {
  const { config, development, randomBytes } = deps
  switch (name) {
    case 'passphrase-file': {
      const { createPassphraseFileProvider } = await import('./passphrase-file.ts')
      return createPassphraseFileProvider({ file: config.passphraseFile, development, randomBytes })
    }
    case 'custodian-shares': {
      const { createCustodianSharesProvider } = await import('./custodian-shares.ts')
      return createCustodianSharesProvider()
    }
    case 'aws-kms': {
      const { createAwsKmsProvider } = await import('./aws-kms.ts')
      return createAwsKmsProvider({ keyId: config.keyId })
    }
    case 'pkcs11': {
      const { createPkcs11Provider } = await import('./pkcs11.ts')
      return createPkcs11Provider({
        module: config.pkcs11Module,
        token: config.pkcs11Token,
        label: config.keyId,
        pinFile: config.pkcs11PinFile,
        pinnedToken: deps.pinnedToken,
        randomBytes,
      })
    }
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
