import { loadShipping } from '../../audit/witness/witnesses-file.ts'
import type { Config } from '../../config/config-sections.ts'
import { findPinFile, placeOfPin } from '../../config/pin-file.ts'
import type { Database } from '../../database/database.ts'
import { type RegistryFacts, verifyRegistry } from '../../keys/registry/verify-registry.ts'
import { referencingTables } from '../../vault/referencing-tables.ts'
import { examineKeys, type Finding, restoredBackup } from './doctor.ts'

export interface ExaminedRegistry {
  findings: readonly Finding[]
  /** What the manifest remembers as done; undefined when it could not be verified. */
  marks: readonly string[] | undefined
  /** The id of the vault, when it is known. */
  vault: string | undefined
}

/** Verifies the registry of keys as a start does, and says which vault it is. Changes nothing. */
export async function examineRegistry(
  config: Config,
  database: Database,
  log: (line: string) => void,
): Promise<ExaminedRegistry> {
  const pin = { ...config.pin, file: findPinFile(placeOfPin(config), config.pin.file) }
  // A file that cannot be used is a finding of its own.
  const shipping = await loadShipping(config.audit.witnessesFile).catch(() => undefined)
  let facts: RegistryFacts | undefined
  const findings = await examineKeys(async () => {
    facts = await verifyRegistry({ referencing: referencingTables, database, config: config.keys, pin, shipping })
    return facts.rootKey
  })
  if (facts?.vault !== undefined) log(`this is the vault ${facts.vault}`)
  const ofBackup = facts?.newer === undefined ? [] : [restoredBackup(facts.newer)]
  return { findings: [...findings, ...ofBackup], marks: facts?.marks, vault: facts?.vault }
}
