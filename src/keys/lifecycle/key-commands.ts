import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { isIndexPurpose, type KeyRow, type RootKeyRow } from '../key/key.ts'
import type { RotationEstimate } from '../rotation/estimate-rotation.ts'
import type { ReencryptionTarget } from '../rotation/reencryption-target.ts'
import type { RotateControl, RotateDeps, RotationRequest, RotationResult } from '../rotation/rotation.ts'
import type { KeyExposure } from './compromise.ts'
import type { DestroyKeyDeps } from './destroy.ts'
import type { DestroyedKeys } from './emptied-index-keys.ts'
import type { InventoryLine } from './inventory.ts'
import type { KeyStatus } from './key-status.ts'
import type { OpenBackups } from './open-backups.ts'
import type { CertifyKeyDeps, RetirementAttestation } from './retirement-attestation.ts'

export type KeyCommandDeps = Omit<CertifyKeyDeps & DestroyKeyDeps & RotateDeps, 'targets'> & {
  /** Everything that a rotation moves. A command that rotates nothing does not load it. */
  targets: () => Promise<readonly ReencryptionTarget[]>
}

/** A rotation that has ended, and the index keys that it has emptied. */
export type EndedRotation = RotationResult & DestroyedKeys

/** The operator's commands over the keys. */
export interface KeyCommands {
  listKeys(): Promise<KeyRow[]>
  listRootKeys(): Promise<RootKeyRow[]>
  takeInventory(): Promise<InventoryLine[]>
  destroyKey(operator: AuditCaller, id: string, onWait?: (reason: string) => void): Promise<OpenBackups>
  certifyKey(operator: AuditCaller, id: string): Promise<RetirementAttestation>
  compromiseKey(operator: AuditCaller, id: string): Promise<KeyExposure>
  reopenKey(operator: AuditCaller, id: string, reason: string): Promise<void>
  keyStatus(): Promise<KeyStatus[]>
  /** It also destroys the index keys that it has emptied, unless the request keeps them. */
  rotateKeys(operator: AuditCaller, request: RotationRequest, control: RotateControl): Promise<EndedRotation>
  requestRotation(operator: AuditCaller, request: RotationRequest): Promise<void>
  estimateRotation(request: RotationRequest): Promise<RotationEstimate>
}

/** Each command loads what it needs when it runs. */
export function createKeyCommands(deps: KeyCommandDeps): KeyCommands {
  const { database } = deps
  const stored = () => import('../key/key-store.ts')
  const rotations = () => import('../rotation/rotate-keys.ts')
  const withTargets = async () => ({ ...deps, targets: await deps.targets() })
  return {
    listKeys: async () => (await stored()).listKeys(database),
    listRootKeys: async () => (await stored()).listRootKeys(database),
    async takeInventory() {
      const { takeInventory } = await import('./inventory.ts')
      return takeInventory(deps)
    },
    async destroyKey(operator, id, onWait) {
      const { destroyKey } = await import('./destroy.ts')
      return destroyKey(deps, operator, id, onWait)
    },
    async certifyKey(operator, id) {
      const { certifyKey } = await import('./retirement-attestation.ts')
      return certifyKey(deps, operator, id)
    },
    async compromiseKey(operator, id) {
      const { compromiseKey } = await import('./compromise.ts')
      return compromiseKey(deps, operator, id)
    },
    async reopenKey(operator, id, reason) {
      const { reopenKey } = await import('./reopen.ts')
      return reopenKey(deps, operator, id, reason)
    },
    async keyStatus() {
      const { keyStatus } = await import('./key-status.ts')
      return keyStatus(await withTargets())
    },
    async rotateKeys(operator, request, control) {
      const { rotateKeys } = await rotations()
      const result = await rotateKeys(await withTargets(), operator, request, control)
      const isLast = result.done && !request.keepsKeys && request.purposes.some(isIndexPurpose)
      if (!isLast) return { ...result, destroyed: [], awaited: [] }
      const { destroyEmptied } = await import('./emptied-index-keys.ts')
      return { ...result, ...(await destroyEmptied(deps, operator, control)) }
    },
    requestRotation: async (operator, request) => (await rotations()).requestRotation(deps, operator, request),
    async estimateRotation(request) {
      const { estimateRotation } = await import('../rotation/estimate-rotation.ts')
      return estimateRotation(await withTargets(), request)
    },
  }
}
