import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { type RootKey, RootKeyConfigError, type RootKeyRecord, type TokenFacts } from '../root-key/root-key.ts'

const pinnedRootKeySchema = z.object({
  id: z.string(),
  provider: z.string(),
  /** The root key's place, and what it was checked with, as its record says; holds no secret. */
  parameters: z.record(z.string(), z.unknown()),
  /** The token that it was found in, as the token says it. */
  token: z.object({ label: z.string(), serial: z.string() }).optional(),
})
const pinSchema = z.object({
  format: z.literal(1),
  vault: z.string(),
  root_key: pinnedRootKeySchema,
  /** A root key that is about to take the place of that one. */
  next_root_key: pinnedRootKeySchema.optional(),
  /** The newest generation of the registry of keys that was verified here. Pins of earlier versions have none. */
  generation: z.number().int().optional(),
})

type Pin = z.infer<typeof pinSchema>
type PinnedRootKey = Pin['root_key']

/** A registry of keys that was verified. */
interface PinnedRegistry {
  vault: string
  generation: number
  rootKey: RootKeyRecord
}

/**
 * What a start compares with outside the database: which vault it is, and which root key it has. Otherwise a changed
 * database could lead a start to another vault's root key.
 */
export interface VaultPin {
  readonly file: string | undefined
  /** The newest generation of the registry of keys that was verified on this host; 0 when none is known. */
  readonly generation: number
  /** Call it before a process without a root key opens one. @throws {RootKeyConfigError} */
  requireRootKey(record: RootKeyRecord): Promise<void>
  /** @throws {RootKeyConfigError} */
  requireVault(vault: string): void
  /** Call it before a new vault begins. @throws {RootKeyConfigError} when there was one */
  requireNone(): void
  /** The token that a root key was found in before. */
  tokenOf(id: string): TokenFacts | undefined
  /** Remembers where a root key was found, for the pin. */
  found(rootKey: RootKey): void
  /** Call it before a root key replaces another. @throws {RootKeyConfigError} when the pin cannot be written */
  announce(rootKey: RootKey): void
  /**
   * Pins what was verified, unless that is pinned already or is older.
   *
   * @throws {RootKeyConfigError} when the vault must be pinned and the pin cannot be written
   */
  keep(registry: PinnedRegistry): void
}

export interface VaultPinOptions {
  /** Undefined: nothing is pinned. */
  file: string | undefined
  /** The id of the vault, where the operator has said it. */
  vaultId?: string | undefined
  /** Whether a new vault may begin beside the pin of a former one, as in development. */
  mayBeginAgain: boolean
  /** Whether the vault does not start unless it is pinned, or its id is configured. */
  mustBePinned?: boolean
  /** Whether nothing is written. */
  readOnly?: boolean
  /** Whether the configuration names that root key, as far as it names one. Always asked. */
  requireConfigured?: ((record: RootKeyRecord) => Promise<void>) | undefined
  /** The file cannot be written: nothing is pinned, or a root key that was replaced. */
  onUnwritable: (reason: string) => void
}

export function createVaultPin(options: VaultPinOptions): VaultPin {
  const { file, vaultId, mayBeginAgain, mustBePinned = false, readOnly = false, onUnwritable } = options
  let pin = file === undefined ? undefined : readPin(file)
  let isTold = false
  const tokens = new Map<string, TokenFacts>()
  for (const { id, token } of [pin?.root_key, pin?.next_root_key].filter((key) => key !== undefined)) {
    if (token !== undefined) tokens.set(id, token)
  }

  function factsOf({ id, provider, parameters }: RootKeyRecord): PinnedRootKey {
    const token = tokens.get(id)
    return token === undefined ? { id, provider, parameters } : { id, provider, parameters, token }
  }

  function write(next: Pin): void {
    if (file !== undefined) writePin(file, next)
    pin = next
  }

  /** The new pin. Undefined if the present one says the same, or is newer. */
  function renewed({ vault, generation, rootKey }: PinnedRegistry): Pin | undefined {
    const known = pin?.vault === vault ? pin : undefined
    if (known?.generation !== undefined && known.generation > generation) return undefined
    const next: Pin = { format: 1, vault, root_key: factsOf(rootKey), generation }
    // Until the registry changes, the announced root key may be the one that it changes to.
    const announced = known?.generation === generation ? known.next_root_key : undefined
    if (announced !== undefined && announced.id !== rootKey.id) next.next_root_key = announced
    return canonicalize(next) === canonicalize(pin) ? undefined : next
  }

  /** Only the database says which vault and root key these are. */
  function notWritten(error: unknown): void {
    if (pin === undefined && mustBePinned && vaultId === undefined) {
      throw new RootKeyConfigError(
        `which vault this is is pinned nowhere, since ${file} cannot be written (${codeOf(error)}): let the vault write it, name another place in STRONGROOM_PIN_FILE, or set STRONGROOM_VAULT_ID.`,
      )
    }
    if (!isTold) onUnwritable(codeOf(error))
    isTold = true
  }

  return {
    file,
    get generation() {
      return pin?.generation ?? 0
    },
    async requireRootKey(record) {
      const known = [pin?.root_key, pin?.next_root_key].filter((key) => key !== undefined)
      if (pin !== undefined && !known.some((key) => isSameKey(key, record))) {
        throw new RootKeyConfigError(
          `the database names the root key ${nameOf(record.id)}, and ${file} pins ${pin.root_key.id} of ${pin.root_key.provider}: bring back the right database, or remove the file if the root key was replaced on another server.`,
        )
      }
      // The operator may have configured something newer than the pin.
      await options.requireConfigured?.(record)
    },
    requireVault(vault) {
      const held = `the vault ${nameOf(vault)}`
      if (vaultId !== undefined && vaultId !== vault) {
        throw new RootKeyConfigError(
          `the database holds ${held}, and STRONGROOM_VAULT_ID is ${vaultId}: bring back the right database, or correct the option.`,
        )
      }
      if (pin === undefined || pin.vault === vault) return
      throw new RootKeyConfigError(
        `the database holds ${held}, and ${file} pins ${pin.vault}: bring back the right database, name another file in STRONGROOM_PIN_FILE if these are two vaults, or remove the file if this was meant.`,
      )
    },
    requireNone() {
      if (vaultId !== undefined) {
        throw new RootKeyConfigError(
          `the database holds no vault, and STRONGROOM_VAULT_ID is ${vaultId}: bring back its database, or leave out the option to begin another vault.`,
        )
      }
      if (pin !== undefined && !mayBeginAgain) {
        throw new RootKeyConfigError(
          `the database holds no vault, and ${file} pins ${pin.vault}: bring back its database, or remove the file to begin another vault.`,
        )
      }
      pin = undefined
    },
    tokenOf: (id) => tokens.get(id),
    found({ record, token }) {
      if (token !== undefined) tokens.set(record.id, token)
    },
    announce({ record, token }) {
      if (pin === undefined || readOnly) return
      if (token !== undefined) tokens.set(record.id, token)
      try {
        write({ ...pin, next_root_key: factsOf(record) })
      } catch (error) {
        throw new RootKeyConfigError(
          `the root key is pinned in ${file}, which cannot be written (${codeOf(error)}): let the vault write it first.`,
        )
      }
    },
    keep(registry) {
      if (readOnly || renewed(registry) === undefined) return
      // Another process of this machine may have written in the meantime.
      if (file !== undefined) pin = readPinOrNone(file, pin)
      const next = renewed(registry)
      if (next === undefined) return
      try {
        write(next)
      } catch (error) {
        const isPinned = pin?.vault === registry.vault && isSameKey(pin.root_key, registry.rootKey)
        if (!isPinned) notWritten(error)
      }
    },
  }
}

/** @throws {RootKeyConfigError} when there is a file that is not a pin */
function readPin(file: string): Pin | undefined {
  try {
    return pinSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined
    throw new RootKeyConfigError(`${file} cannot be read as the pin of a vault: restore it, or remove it.`)
  }
}

/** While the vault runs, a file that cannot be read is no reason to stop. */
function readPinOrNone(file: string, otherwise: Pin | undefined): Pin | undefined {
  try {
    return readPin(file)
  } catch {
    return otherwise
  }
}

/** Completely or not at all, also after a loss of power. */
function writePin(file: string, pin: Pin): void {
  mkdirSync(path.dirname(file), { recursive: true })
  const beside = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`)
  const descriptor = openSync(beside, 'w', 0o644)
  try {
    writeSync(descriptor, `${JSON.stringify(pin, null, 2)}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(beside, file)
}

/** The provider compares the serial number of the token. */
function isSameKey({ id, provider, parameters }: PinnedRootKey, record: RootKeyRecord): boolean {
  const there = { id: record.id, provider: record.provider, parameters: record.parameters }
  return canonicalize({ id, provider, parameters }) === canonicalize(there)
}

/** A text that does not look like a name of the vault is not repeated. */
function nameOf(id: string): string {
  return /^[a-z0-9_]{1,64}$/.test(id) ? id : '?'
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not readable'
}
