import type { AuditCaller } from '../audit/audit-event.ts'
import { Problem } from '../problem.ts'
import { beginCustodianCeremony } from './custodian-ceremony.ts'
import { type Keys, type KeysOptions, openKeys } from './keys.ts'
import { rehearseRootKey } from './rehearse-root-key.ts'
import { type ReplaceRootKeyDeps, replaceRootKey } from './replace-root-key.ts'
import { createRootKeyProvider, type RootKeyOptions } from './root-key/providers.ts'
import {
  RootKeyConfigError,
  type RootKeyProvider,
  type RootKeyProviderName,
  type RootKeyRecord,
  RootKeyUnreachable,
} from './root-key/root-key.ts'
import { createRootKeySource } from './root-key-source.ts'
import { createUnsealing } from './unseal.ts'
import { createVaultPin, type VaultPinOptions } from './vault-pin.ts'

export interface VaultKeysOptions
  extends Omit<KeysOptions, 'newRootKey' | 'openRootKey' | 'pin'>,
    Pick<ReplaceRootKeyDeps, 'newAuditEvent'> {
  provider: RootKeyProviderName
  /** The file that pins the vault and its root key. Default: nothing is pinned. */
  pin?: Pick<VaultPinOptions, 'file' | 'mayBeginAgain' | 'onUnwritable'> | undefined
  rootKey: Omit<RootKeyOptions, 'randomBytes'>
  leaseSeconds: number
  /** How long a start and `refresh` wait for a root key that is not there at once. */
  patienceMs: number
}

/** The vault's keys, the root key that opens them, and what operators and custodians do about it. */
export async function openVaultKeys(options: VaultKeysOptions) {
  const { database, randomBytes, newId, newAuditEvent, alert } = options
  const providerOf = (name: RootKeyProviderName) => createRootKeyProvider(name, { ...options.rootKey, randomBytes })
  const provider = providerOf(options.provider)
  const unreachable = (error: unknown) =>
    alert('root-key-unreachable', { reason: error instanceof Error ? error.message : 'unknown' })
  const pin = options.pin && createVaultPin({ ...options.pin, requireConfigured: requireConfigured(provider) })
  let keys: Keys | undefined
  const source = createRootKeySource({
    provider,
    leaseMs: options.leaseSeconds * 1000,
    patienceMs: options.patienceMs,
    onReachable: (reachable, error) => {
      // Custodians are not expected to be there.
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
    unsealing: createUnsealing(deps),
    rootKeys: {
      /** The record of the root key, not verified. */
      find: () => opened.registry.findRootKey(database),
      /** A new root key of the same kind. */
      rotate: (operator: AuditCaller) => replaceRootKey(deps, operator, provider),
      /** A root key from somewhere else. */
      migrate: async (operator: AuditCaller, to: RootKeyProviderName) => {
        const present = await opened.registry.findRootKey(database)
        if (present?.provider === to) {
          throw new RootKeyConfigError(
            `the root key comes from ${to} already: "strongroom keys rotate root" makes a new one.`,
          )
        }
        return replaceRootKey(deps, operator, providerOf(to))
      },
      /** What a move to the provider would find. */
      rehearse: (to: RootKeyProviderName) => rehearseRootKey(deps, providerOf(to)),
      beginCeremony: (operator: AuditCaller, split: { custodians: readonly string[]; threshold: number }) =>
        beginCustodianCeremony(deps, operator, split),
    },
    async close() {
      source.close()
      await opened.close()
    },
  }
}

/** A provider that does not answer leaves the vault sealed, as everywhere else. */
function requireConfigured(provider: RootKeyProvider) {
  return async (record: RootKeyRecord) => {
    await provider.requireConfigured?.(record).catch((error) => {
      throw error instanceof RootKeyUnreachable ? new Problem('sealed', { cause: error }) : error
    })
  }
}
