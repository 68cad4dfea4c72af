import { findKeyEvents } from '../audit/event/event-lookup-store.ts'
import { findNewerRegistries } from '../audit/witness/newer-registry.ts'
import type { Shipping } from '../audit/witness/witnesses-file.ts'
import type { KeysConfig } from '../config/config-sections.ts'
import type { RootKeyProviderName } from '../config/option-values.ts'
import type { AlertFacts } from '../observability/alert.ts'
import { reasonOf } from '../observability/describe-error.ts'
import { Problem } from '../values/problem.ts'
import type { ReplaceRootKeyDeps } from './lifecycle/replace-root-key.ts'
import { createRootKeyCommands, type RootKeys } from './lifecycle/root-key-commands.ts'
import { createUnsealing, type Unsealing } from './lifecycle/unseal.ts'
import { createRegistryAge, type RegistryAge } from './registry/registry-age.ts'
import { createRegistryAnchor } from './registry/registry-anchor.ts'
import { createVaultPin, type VaultPinOptions } from './registry/vault-pin.ts'
import { type Keys, type KeysOptions, openKeys } from './ring/keys.ts'
import { createRootKeyProvider } from './root-key/providers.ts'
import { type RootKeyProvider, type RootKeyRecord, RootKeyUnreachable } from './root-key/root-key.ts'
import { createRootKeySource } from './root-key/root-key-source.ts'

export interface VaultKeysOptions
  extends Omit<KeysOptions, 'newRootKey' | 'openRootKey' | 'pin' | 'anchor'>,
    Pick<ReplaceRootKeyDeps, 'newAuditEvent'> {
  config: KeysConfig
  pin: Pick<VaultPinOptions, 'file' | 'vaultId' | 'mayBeginAgain' | 'mustBePinned'>
  /**
   * The places that checkpoints were shipped to, as far as this process knows: the key registry is compared with them.
   */
  shipping: Shipping | undefined
  /** Whether this process continues with an older key registry, to bring the vault up to date. */
  restores?: boolean | undefined
  /** Whether the configuration names the root key that is to come, and not the present one. */
  replacesRootKey?: boolean | undefined
  /** Reports what cannot be read. */
  log: (facts: AlertFacts, message: string) => void
  /** Whether a new vault may make itself a passphrase, marked as one for development. */
  development: boolean
  /** How long a start and `refresh` wait for a root key that is not available at once. */
  patienceMs: number
}

/** The vault's keys, the root key that opens them, and what operators and custodians do about it. */
interface OpenedKeys {
  keys: Keys
  registryAge: RegistryAge
  unsealing: Unsealing
  rootKeys: RootKeys
  close(): Promise<void>
}

export async function openVaultKeys(options: VaultKeysOptions): Promise<OpenedKeys> {
  const { config, development, database, randomBytes, newId, newAuditEvent, alert, shipping, log } = options
  const providerOf = (name: RootKeyProviderName) =>
    createRootKeyProvider(name, { config, development, randomBytes, pinnedToken: (id) => pin.tokenOf(id) })
  const provider = await providerOf(config.provider)
  const unreachable = (error: unknown) => alert('root-key-unreachable', { reason: reasonOf(error) })
  const comparesRootKey = options.pin.file !== undefined && !options.replacesRootKey
  const pin = createVaultPin({
    ...options.pin,
    requireConfigured: comparesRootKey ? requireConfigured(provider) : undefined,
    onUnwritable: (reason) => alert('vault-unpinned', { file: options.pin.file, reason }),
  })
  const anchor = createRegistryAnchor({
    pin,
    findNewer: (registry, signing) => findNewerRegistries({ database, shipping, log }, registry, signing),
    findKeyEvents: (after) => findKeyEvents(database, after),
    restores: options.restores ?? false,
  })
  let keys: Keys | undefined
  const source = createRootKeySource({
    provider,
    leaseMs: config.leaseSeconds * 1000,
    patienceMs: options.patienceMs,
    onReachable: (reachable, error) => {
      // A start does not wait for custodians.
      if (!reachable && provider.canGoAway) unreachable(error)
    },
    onLeaseEnd: (reason) => {
      unreachable(reason.cause)
      keys?.forget(reason)
    },
  })
  const opened = await openKeys({
    ...options,
    pin,
    anchor,
    newRootKey: source.create,
    openRootKey: source.open,
  }).catch((error) => {
    source.close()
    throw error
  })
  keys = opened
  const deps = { database, keys: opened, source, pin, newAuditEvent, newId, randomBytes }

  return {
    keys: opened,
    registryAge: createRegistryAge(anchor, deps),
    unsealing: createUnsealing(deps),
    rootKeys: createRootKeyCommands({ ...deps, provider, providerOf }),
    async close() {
      source.close()
      await opened.close()
    },
  }
}

/** If the provider does not answer, the vault stays sealed. */
function requireConfigured(provider: RootKeyProvider) {
  return async (record: RootKeyRecord) => {
    await provider.requireConfigured?.(record).catch((error) => {
      throw error instanceof RootKeyUnreachable ? new Problem('sealed', { cause: error }) : error
    })
  }
}
