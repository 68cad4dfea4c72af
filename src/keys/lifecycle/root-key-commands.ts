import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { RootKeyProviderName } from '../../config/option-values.ts'
import {
  RootKeyConfigError,
  type RootKeyDescription,
  type RootKeyProvider,
  type RootKeyRecord,
} from '../root-key/root-key.ts'
import type { CeremonyDeps, CustodianCeremony } from './custodian-ceremony.ts'
import type { ReplaceRootKeyDeps, RootKeyReplaced } from './replace-root-key.ts'

/** What operators and custodians do about the root key. */
export interface RootKeys {
  /** The record of the root key, not verified. */
  find(): Promise<RootKeyRecord | undefined>
  /** A new root key of the same kind. */
  rotate(operator: AuditCaller): Promise<RootKeyReplaced>
  /** A root key from another provider. */
  migrate(operator: AuditCaller, to: RootKeyProviderName): Promise<RootKeyReplaced>
  /** What a move to the provider would find. */
  rehearse(to: RootKeyProviderName): Promise<RootKeyDescription>
  beginCeremony(
    operator: AuditCaller,
    split: { custodians: readonly string[]; threshold: number },
  ): Promise<CustodianCeremony>
}

export interface RootKeyCommandDeps extends CeremonyDeps, ReplaceRootKeyDeps {
  provider: RootKeyProvider
  providerOf: (name: RootKeyProviderName) => Promise<RootKeyProvider>
}

/** Each command loads what it needs when it runs. */
export function createRootKeyCommands(deps: RootKeyCommandDeps): RootKeys {
  const { database, keys, provider, providerOf } = deps
  const find = () => keys.registry.findRootKey(database)
  const replacements = () => import('./replace-root-key.ts')
  return {
    find,
    rotate: async (operator) => (await replacements()).replaceRootKey(deps, operator, provider),
    async migrate(operator, to) {
      const present = await find()
      if (present?.provider === to) {
        throw new RootKeyConfigError(
          `the root key comes from ${to} already: "strongroom keys rotate root" makes a new one.`,
        )
      }
      return (await replacements()).replaceRootKey(deps, operator, await providerOf(to))
    },
    async rehearse(to) {
      const { rehearseRootKey } = await import('./rehearse-root-key.ts')
      return rehearseRootKey(deps, await providerOf(to))
    },
    async beginCeremony(operator, split) {
      const { beginCustodianCeremony } = await import('./custodian-ceremony.ts')
      return beginCustodianCeremony(deps, operator, split)
    },
  }
}
