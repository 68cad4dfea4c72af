import canonicalize from 'canonicalize'
import type { MacKey } from '../key/handover.ts'
import { keyOfBytes, type RootKeyRow, wrapContext } from '../key/key.ts'
import { KeyRegistryError, type Manifest, type RegistryRows } from '../key/registry-manifest.ts'
import type { RootKey, RootKeyRecord } from '../root-key/root-key.ts'
import { SealError } from '../sealing/seal-context.ts'
import { followMacKey } from './follow-mac-key.ts'

/** What this process goes by when it verifies the manifest: the key of its MAC, and where that came from. */
export interface RegistryMacKey {
  /** Whether this process has verified a manifest, and so knows the root key of the vault. */
  readonly isTrusted: boolean
  /**
   * The key that a manifest names. The first one that a process accepts is the one that its root key opens. Later ones
   * are opened by the same root key, or were handed over by the key before them.
   *
   * @throws {KeyRegistryError} if it is neither
   * @throws {Problem} sealed, if the root key is not available now
   */
  open(manifest: Manifest, rows: RegistryRows): Promise<MacKey>
  /** From now on that key is this process's own: a manifest was verified with it, under that root key. */
  keep(key: MacKey, rootKey: RootKeyRow): void
  /** Forgets the key, and remembers which root key it was under. */
  forget(): void
}

export function createRegistryMacKey(openRootKey: (record: RootKeyRecord) => Promise<RootKey>): RegistryMacKey {
  let held: MacKey | undefined
  let trusted: RootKeyRow | undefined

  return {
    get isTrusted() {
      return trusted !== undefined
    },
    async open(manifest, rows) {
      const { mac_key: wanted, handovers = [], vault } = manifest
      if (held?.id === wanted) return held
      const record = requireRootKey(manifest, rows)
      const unwrap = async (id: string): Promise<MacKey> => {
        const row = rows.keys.find((key) => key.id === id && key.purpose === 'registry-mac')
        if (row === undefined || row.wrapped === null) throw macKeyMissing(id)
        const rootKey = await openRootKey(record)
        const bytes = await rootKey.unwrap(row.wrapped, wrapContext(vault, row)).catch(notOpened)
        return { id, secret: keyOfBytes(row.purpose, bytes) }
      }
      if (trusted === undefined) return unwrap(wanted)
      if (record.id === trusted.id) {
        requireSameRecord(record, trusted)
        return unwrap(wanted)
      }
      if (held === undefined) throw new KeyRegistryError(ROOT_KEY_REPLACED_MEANWHILE)
      return followMacKey({ held, wanted, handovers, unwrap })
    },
    keep(key, rootKey) {
      held = key
      trusted = rootKey
    },
    forget() {
      held = undefined
    },
  }
}

const ROOT_KEY_REPLACED_MEANWHILE =
  'the root key was replaced while this server had forgotten its keys: restart it, if the vault has another root key now.'

/** A text that does not look like an id of the vault is not repeated. */
function macKeyMissing(id: string): KeyRegistryError {
  const name = /^[a-z0-9_]{1,64}$/.test(id) ? id : '?'
  return new KeyRegistryError(`the key registry was changed outside the vault: key ${name} (registry-mac) is missing.`)
}

/** The row of the root key that a manifest names. @throws {KeyRegistryError} */
export function requireRootKey({ root_key_id }: Manifest, { rootKeys }: RegistryRows): RootKeyRow {
  const found = rootKeys.find(({ id }) => id === root_key_id)
  if (found === undefined) throw new KeyRegistryError('the root key of the key registry is missing in "root_keys".')
  return found
}

/** A root key never moves. A record of the same name that leads elsewhere is another root key. */
function requireSameRecord(now: RootKeyRow, before: RootKeyRow): void {
  const facts = ({ provider, parameters }: RootKeyRow) => canonicalize({ provider, parameters })
  if (facts(now) !== facts(before))
    throw new KeyRegistryError(`root key ${now.id} (${before.provider}): it was led somewhere else.`)
}

function notOpened(error: unknown): never {
  if (!(error instanceof SealError)) throw error
  throw new KeyRegistryError(
    'the root key does not open the keys of this vault: the passphrase differs, or the row of the root key or of its key in "keys" was changed.',
  )
}
