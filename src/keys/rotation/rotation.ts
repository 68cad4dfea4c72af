import { hostname } from 'node:os'
import { VaultError } from '../../values/vault-error.ts'
import { type KeyPurpose, keyPurposes, macPurposes } from '../key/key.ts'
import type { ChangeRegistryDeps } from '../registry/registry.ts'
import type { Keys } from '../ring/keys.ts'
import type { DamagedValue, ReencryptionTarget } from './reencryption-target.ts'
import type { RotationRow } from './rotation-store.ts'

export interface RotateDeps extends ChangeRegistryDeps {
  keys: Keys
  now: () => Date
  /** Everything under keys. */
  targets: readonly ReencryptionTarget[]
}

/** What an operator may ask to have rotated, and the purposes of the keys that this is. */
export const rotations = {
  data: ['display', 'secret'],
  index: ['index', 'card-index'],
  signing: ['token-signing'],
  audit: ['audit-signing'],
  certificate: ['certificate-signing'],
  message: ['message-signing'],
  receipt: ['receipt-signing'],
  script: ['script-signing'],
  mac: macPurposes,
  all: keyPurposes,
} as const satisfies Record<string, readonly KeyPurpose[]>

export type RotationName = keyof typeof rotations

/** What an operator asks for to have the keys of that purpose rotated. */
export function rotationOf(purpose: KeyPurpose): RotationName {
  const names = Object.keys(rotations) as RotationName[]
  return names.find((name) => (rotations[name] as readonly KeyPurpose[]).includes(purpose))!
}

export interface RotationRequest {
  purposes: readonly KeyPurpose[]
  /** How many values are moved a second at the most. */
  rowsPerSecond?: number | undefined
  /** Whether a server runs it, so that another one continues when it ends. */
  detached?: boolean
  /**
   * Whether new keys are made; without them everything is moved to those that are active already. Default: they are.
   */
  makesKeys?: boolean
  /** Whether index keys that it empties are kept. Default: they are destroyed. */
  keepsKeys?: boolean
}

/** Who runs a rotation, for display. */
export const RUNNER = `${hostname()}, process ${process.pid}`

/** How a rotation is watched and stopped. */
export interface RotationControl {
  onProgress: (progress: RotationProgress) => void
  /** Says, in a few words, what is waited for. */
  onWait?: (reason: string) => void
  /** Pauses the rotation after the page that is under way. */
  signal: AbortSignal
}

/** The same, and whether to wait for another rotation to end instead of refusing. */
export interface RotateControl extends RotationControl {
  wait?: boolean
}

export interface RotationProgress {
  /** How many values were moved so far, of how many that were found under old keys. */
  moved: number
  total: number
  remaining: number
}

export interface RotationResult extends RotationProgress {
  /** False if it was paused, or values are damaged: then everything else is under the active keys. */
  done: boolean
  /** Whether it was stopped before its end; the next run continues. */
  paused: boolean
  /** The keys in use now, by purpose. */
  active: Partial<Record<KeyPurpose, string>>
  /** The keys that are empty now. */
  retired: string[]
  damaged: DamagedValue[]
  /** How many search terms led to no record that has them, and were removed. */
  orphans: number
  /** Whether this run went on with a rotation that had been interrupted. */
  resumed: boolean
}

/** Another rotation holds the lock; the message says who runs it. */
export class RotationRunning extends VaultError {
  override readonly name = 'RotationRunning'

  constructor(running: readonly RotationRow[]) {
    const [first] = running
    super(
      first === undefined
        ? 'another rotation is just beginning; wait for it with --wait'
        : `the ${running.map(({ purpose }) => purpose).join(', ')} keys are being rotated by ${first.operator} since ` +
            `${first.runner_since?.toISOString()} (${first.runner}): wait for it with --wait, or look at "strongroom keys status"`,
    )
  }
}
