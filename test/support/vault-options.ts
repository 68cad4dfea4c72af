import { inject } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import type { VaultOptions } from '../../src/vault/vault-options.ts'
import type { TestDatabase } from './postgres.ts'

export const ISSUER = 'https://localhost:8443'

type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Name in keyof T]?: DeepPartial<T[Name]> }
    : T

/** What a test changes of the options of its vault, section by section. */
export type VaultChanges = DeepPartial<VaultOptions>

/** A vault on that database with what is configured by default, and limits that no test meets by chance. */
export function vaultOptions({ serverUrl }: Pick<TestDatabase, 'serverUrl'>, changes: VaultChanges = {}): VaultOptions {
  const { rootKeyFile } = inject('cluster')
  const config = readConfig({
    STRONGROOM_ROOT_KEY_FILE: rootKeyFile,
    STRONGROOM_ISSUER: ISSUER,
    STRONGROOM_WORKERS: '1',
  })
  const options: VaultOptions = {
    ...config,
    limits: { ...config.limits, strangers: { perSource: 100_000, inAll: 100_000 } },
    serves: true,
    createsRootKey: false,
    mustBePinned: false,
    isOnlyServer: false,
    runsRotations: false,
    keepsLog: false,
    watchesLog: false,
    recordedIssuer: 'ignore',
    asksForCertificates: false,
    pin: { file: undefined, vaultId: undefined },
    // Tests hold locks until something has come about, for which a busy machine takes its time.
    database: { url: serverUrl, lockTimeoutMs: 20_000 },
  }
  return merge(options, changes) as VaultOptions
}

function merge(base: object, changes: object): object {
  const merged = Object.entries(changes).map(([name, change]) => {
    const present = (base as Record<string, unknown>)[name]
    return [name, isSection(present) && isSection(change) ? merge(present, change) : change]
  })
  return { ...base, ...Object.fromEntries(merged) }
}

function isSection(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
