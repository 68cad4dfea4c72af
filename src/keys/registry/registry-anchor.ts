import type { LogKey } from '../../audit/log/log-keys.ts'
import type { NewerRegistries, NewerRegistry } from '../../audit/witness/newer-registry.ts'
import type { KeyRing } from '../key/key-ring.ts'
import { answeredUpTo } from '../key/marks.ts'
import { KeyRegistryError } from '../key/registry-manifest.ts'
import type { VerifiedRegistry } from './open-registry.ts'
import { requireStatesOfLog } from './require-states-of-log.ts'
import type { VaultPin } from './vault-pin.ts'

/**
 * What is known about the key registry outside its own tables, because all of these may have been put back together.
 */
export interface RegistryAnchor {
  /**
   * Compares the first registry that this process has verified with what checkpoints state and what is pinned. A
   * registry that is older than the log beside it is refused. If the whole database is older, `newer` says so from then
   * on.
   *
   * @param readAgain reads the registry as it is now: it may have changed in the meantime
   * @throws {KeyRegistryError}
   */
  requireCurrent(registry: VerifiedRegistry, ring: KeyRing, readAgain: () => Promise<VerifiedRegistry>): Promise<void>
  /**
   * Remembers a registry that this process continues with, and pins it.
   *
   * @throws {RootKeyConfigError} when the vault must be pinned and the pin cannot be written
   */
  follow(registry: VerifiedRegistry): void
  /** The newest registry that is known outside, as long as the present one is older. */
  newer(): NewerRegistry | undefined
  /** Whether only the tables of keys are older, which only a process that restores accepts. */
  readonly areKeysAlone: boolean
}

export interface RegistryAnchorOptions {
  pin: VaultPin | undefined
  /** What signed checkpoints state about the registry, in the database and outside. */
  findNewer: (registry: VerifiedRegistry, signing: readonly LogKey[]) => Promise<NewerRegistries>
  /** What the log says about keys after that position. */
  findKeyEvents: (after: number) => Promise<{ type: string; key: string }[]>
  /** Whether this process continues with an older registry, to bring the vault up to date. */
  restores: boolean
}

export function createRegistryAnchor({
  pin,
  findNewer,
  findKeyEvents,
  restores,
}: RegistryAnchorOptions): RegistryAnchor {
  let known: NewerRegistry | undefined
  let areKeysAlone = false
  let generation = 0

  const pinnedGeneration = () => pin?.generation ?? 0
  const pinnedRegistry = ({ vault }: VerifiedRegistry): NewerRegistry => {
    return { vault, generation: pinnedGeneration(), source: pin?.file ?? '' }
  }

  async function requireNoneOlder(
    registry: VerifiedRegistry,
    ring: KeyRing,
    readAgain: () => Promise<VerifiedRegistry>,
  ): Promise<void> {
    const { inLog, outside, hasLog } = await findNewer(registry, ring.all('audit-signing'))
    const pinned = pinnedGeneration() > registry.generation ? pinnedRegistry(registry) : undefined
    const found = [inLog, outside, pinned].filter((one) => one !== undefined)
    if (found.length === 0) return
    const now = await readAgain()
    const newer = found
      .filter((one) => one.vault !== now.vault || one.generation > now.generation)
      .toSorted(newestFirst)
    // A database that was put back as a whole has the log of that day.
    const [alone] = hasLog ? newer.filter((one) => one === inLog) : newer
    if (alone !== undefined && !(restores && alone.vault === now.vault)) throw olderThan(now, alone)
    areKeysAlone = alone !== undefined
    known = newer[0]
  }

  return {
    async requireCurrent(registry, ring, readAgain) {
      await requireNoneOlder(registry, ring, readAgain)
      if (areKeysAlone) return
      // Read before the registry: later ones would be of changes that the rows do not have yet.
      const events = await findKeyEvents(answeredUpTo(registry.marks))
      requireStatesOfLog((await readAgain()).keys, events)
    },
    follow(registry) {
      generation = registry.generation
      pin?.keep(registry)
    },
    newer: () => (known !== undefined && generation < known.generation ? known : undefined),
    get areKeysAlone() {
      return areKeysAlone
    },
  }
}

function newestFirst(one: NewerRegistry, other: NewerRegistry): number {
  return other.generation - one.generation
}

function olderThan(registry: VerifiedRegistry, { vault, generation, source }: NewerRegistry): KeyRegistryError {
  if (vault !== registry.vault) {
    return new KeyRegistryError(`the key registry is that of another vault: ${source} is of ${vault}.`)
  }
  return new KeyRegistryError(
    `the key registry was put back to generation ${registry.generation}, and ${source} knows of ${generation}: bring back the newer tables of keys, or run "strongroom restore waive" if there are none.`,
  )
}
