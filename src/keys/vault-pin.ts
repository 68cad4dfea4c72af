import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { RootKeyConfigError, type RootKeyRecord } from './root-key/root-key.ts'

const pinnedRootKeySchema = z.object({
  id: z.string(),
  provider: z.string(),
  /** Where the root key is and what it was checked with, as its record says it; holds no secret. */
  parameters: z.record(z.string(), z.unknown()),
})
const pinSchema = z.object({
  format: z.literal(1),
  vault: z.string(),
  root_key: pinnedRootKeySchema,
  /** A root key that is about to take the place of that one. */
  next_root_key: pinnedRootKeySchema.optional(),
})

type Pin = z.infer<typeof pinSchema>

/** The vault or the root key in the database is not the pinned one. The message is one sentence that says the cure. */
export class VaultPinMismatch extends RootKeyConfigError {}

/**
 * What a start goes by outside the database: which vault it is, and which root key it has. The database alone could name
 * another vault's, and a start would follow it.
 */
export interface VaultPin {
  /** Before a root key is opened by a process that knows of none. @throws {VaultPinMismatch} */
  requireRootKey(record: RootKeyRecord): Promise<void>
  /** @throws {VaultPinMismatch} */
  requireVault(vault: string): void
  /** Before a vault is begun. @throws {VaultPinMismatch} when there was one */
  requireNone(): void
  /** Before a root key takes the place of another. @throws {RootKeyConfigError} when it cannot be written down */
  announce(record: RootKeyRecord): void
  /** Writes down what was verified, if it is not what is written already. */
  keep(vault: string, rootKey: RootKeyRecord): void
}

export interface VaultPinOptions {
  file: string
  /** Whether a vault may be begun where the pin is that of one before, as for development. */
  mayBeginAgain: boolean
  /** Whether nothing is written. */
  readOnly?: boolean
  /** Whether the configuration names that root key, as far as it names one: asked where nothing is pinned yet. */
  requireConfigured?: ((record: RootKeyRecord) => Promise<void>) | undefined
  /** The file cannot be written: nothing is pinned. */
  onUnwritable: (reason: string) => void
}

export function createVaultPin(options: VaultPinOptions): VaultPin {
  const { file, mayBeginAgain, readOnly = false, onUnwritable } = options
  let pin = readPin(file)
  let isTold = false

  function replace(next: Pin): void {
    if (pin !== undefined && canonicalize(next) === canonicalize(pin)) return
    writePin(file, next)
    pin = next
  }

  return {
    async requireRootKey(record) {
      if (pin === undefined) return options.requireConfigured?.(record)
      const known = [pin.root_key, pin.next_root_key].filter((key) => key !== undefined)
      if (known.some((key) => canonicalize(key) === canonicalize(factsOf(record)))) return
      throw new VaultPinMismatch(
        `the database names the root key ${nameOf(record.id)}, and ${file} pins ${pin.root_key.id} of ${pin.root_key.provider}: bring back the right database, or remove the file if the root key was replaced on another server.`,
      )
    },
    requireVault(vault) {
      if (pin === undefined || pin.vault === vault) return
      throw new VaultPinMismatch(
        `the database holds the vault ${nameOf(vault)}, and ${file} pins ${pin.vault}: bring back the right database, or remove the file if this was meant.`,
      )
    },
    requireNone() {
      if (pin !== undefined && !mayBeginAgain) {
        throw new VaultPinMismatch(
          `the database holds no vault, and ${file} pins ${pin.vault}: bring back its database, or remove the file to begin another vault.`,
        )
      }
      pin = undefined
    },
    announce(record) {
      if (pin === undefined || readOnly) return
      try {
        replace({ ...pin, next_root_key: factsOf(record) })
      } catch (error) {
        throw new RootKeyConfigError(
          `the root key is pinned in ${file}, which cannot be written (${codeOf(error)}): let the vault write it first.`,
        )
      }
    },
    keep(vault, rootKey) {
      if (readOnly) return
      try {
        replace({ format: 1, vault, root_key: factsOf(rootKey) })
      } catch (error) {
        if (!isTold) onUnwritable(codeOf(error))
        isTold = true
      }
    },
  }
}

/** @throws {VaultPinMismatch} when there is a file that is no pin */
function readPin(file: string): Pin | undefined {
  try {
    return pinSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new VaultPinMismatch(`${file} cannot be read as the pin of a vault: restore it, or remove it.`)
  }
}

/** Whole or not at all, also when the power goes. */
function writePin(file: string, pin: Pin): void {
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

function factsOf({ id, provider, parameters }: RootKeyRecord): Pin['root_key'] {
  return { id, provider, parameters }
}

/** What does not look like a name of ours is not repeated. */
function nameOf(id: string): string {
  return /^[a-z0-9_]{1,64}$/.test(id) ? id : '?'
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'not readable'
}
