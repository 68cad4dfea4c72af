import { createHmac, hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import canonicalize from 'canonicalize'
import { z } from 'zod'
import { VaultError } from '../../values/vault-error.ts'
import type { Handover } from './handover.ts'
import type { KeyRow, RootKeyRow } from './key.ts'

/**
 * The manifest says how every row of `keys` and `root_keys` must be. It is RFC 8785 JSON under an HMAC-SHA-256 whose
 * key is itself a key of the registry, which the manifest names: a person who can only write to the database can change
 * a row, but not the manifest. It holds digests of the wrapped keys, never the keys. The counts of uses are not part of
 * it: they change all the time.
 */
const FORMAT = 2

/** The registry cannot be used; the message names the rows and what is wrong with them, and holds no key. */
export class KeyRegistryError extends VaultError {
  override readonly name = 'KeyRegistryError'
}

/** Both tables of keys as they are. */
export interface RegistryRows {
  keys: KeyRow[]
  rootKeys: RootKeyRow[]
}

/** The row of `key_registry`. */
export interface StoredManifest {
  manifest: string
  mac: Buffer
}

const entrySchema = z.object({ id: z.string() }).catchall(z.unknown())
const handoverSchema = z.object({ from: z.string(), to: z.string(), mac: z.string() })
const manifestSchema = z.object({
  format: z.literal(FORMAT),
  generation: z.number().int(),
  /** The random id of the vault. */
  vault: z.string(),
  root_key_id: z.string(),
  /** The id of the MAC's key. */
  mac_key: z.string(),
  /** The chain of handovers from the first key of the MAC to this one. */
  handovers: z.array(handoverSchema).optional(),
  keys: z.array(entrySchema),
  root_keys: z.array(entrySchema),
  /** The marks of what was done once in this vault, so that it is not repeated when its traces are gone. */
  marks: z.array(z.string()).optional(),
})

export type Manifest = z.infer<typeof manifestSchema>
type Entry = z.infer<typeof entrySchema>

/** What a manifest says beside the rows. */
export interface ManifestFacts {
  vault: string
  generation: number
  rootKeyId: string
  macKeyId: string
  handovers: readonly Handover[]
  marks: readonly string[]
}

/** The canonical text for these rows. */
export function encodeManifest(rows: RegistryRows, facts: ManifestFacts): string {
  const manifest: Manifest = {
    format: FORMAT,
    vault: facts.vault,
    generation: facts.generation,
    root_key_id: facts.rootKeyId,
    mac_key: facts.macKeyId,
    handovers: [...facts.handovers],
    keys: rows.keys.map(keyEntry).sort(byId),
    root_keys: rows.rootKeys.map(rootKeyEntry).sort(byId),
    ...(facts.marks.length > 0 ? { marks: [...facts.marks].sort() } : {}),
  }
  const text = canonicalize(manifest)
  if (text === undefined) throw new Error('a manifest must have a canonical form')
  return text
}

/** The MAC over a manifest. */
export function macOf(macKey: KeyObject, manifest: string): Buffer {
  return createHmac('sha256', macKey).update('strongroom key registry\0').update(manifest).digest()
}

/** Reads a manifest that is not verified yet: only to learn which keys open and verify it. */
export function parseManifest(text: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text))
  } catch {
    throw new KeyRegistryError(
      'the manifest of the key registry (table "key_registry") was changed: it cannot be read.',
    )
  }
}

/**
 * Verifies the manifest and compares every row with it.
 *
 * @throws {KeyRegistryError} naming each row that is not as it must be
 */
export function verifyManifest(stored: StoredManifest, rows: RegistryRows, macKey: KeyObject): Manifest {
  const mac = macOf(macKey, stored.manifest)
  if (stored.mac.length !== mac.length || !timingSafeEqual(stored.mac, mac)) {
    throw new KeyRegistryError('the manifest of the key registry (table "key_registry") was changed.')
  }
  const manifest = parseManifest(stored.manifest)
  const found = [
    ...compare('root key', manifest.root_keys, rows.rootKeys.map(rootKeyEntry)),
    ...compare('key', manifest.keys, rows.keys.map(keyEntry)),
  ]
  if (found.length > 0) {
    throw new KeyRegistryError(`the key registry was changed outside the vault: ${found.join('; ')}.`)
  }
  return manifest
}

function compare(what: string, expected: readonly Entry[], actual: readonly Entry[]): string[] {
  const there = new Map(actual.map((entry) => [entry.id, entry]))
  const known = new Set(expected.map(({ id }) => id))
  return [
    ...expected.flatMap((entry) => {
      const found = there.get(entry.id)
      if (found === undefined) return [`${describe(what, entry)} is missing`]
      const changed = Object.keys(entry).filter((name) => canonicalize(entry[name]) !== canonicalize(found[name]))
      return changed.length === 0 ? [] : [`${describe(what, entry)}: ${changed.join(', ')} was changed`]
    }),
    ...actual.filter(({ id }) => !known.has(id)).map((entry) => `${describe(what, entry)} was added`),
  ]
}

/** An added row may have any name; one that does not look like a name of the vault is not repeated. */
function describe(what: string, entry: Entry): string {
  const name = [entry.id, entry.purpose ?? entry.provider].map((word) =>
    typeof word === 'string' && /^[a-z0-9_-]{1,64}$/.test(word) ? word : '?',
  )
  return `${what} ${name[0]} (${name[1]})`
}

function keyEntry(row: KeyRow): Entry {
  const { uses: _uses, uses_reserved: _reserved, wrapped, ...rest } = row
  return { ...withTimes(rest), wrapped: wrapped === null ? null : digest(wrapped) }
}

function rootKeyEntry({ uses: _uses, ...rest }: RootKeyRow): Entry {
  return withTimes(rest)
}

function withTimes(row: Omit<KeyRow | RootKeyRow, 'uses'>): Entry {
  return Object.fromEntries(
    Object.entries<unknown>({ ...row }).map(([name, value]) => [name, value instanceof Date ? value.getTime() : value]),
  ) as Entry
}

function digest(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}

function byId(a: Entry, b: Entry): number {
  return a.id < b.id ? -1 : 1
}
