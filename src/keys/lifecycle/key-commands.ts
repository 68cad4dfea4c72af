import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { isIndexPurpose } from '../key/key.ts'
import { listKeys, listRootKeys } from '../key/key-store.ts'
import { estimateRotation } from '../rotation/estimate-rotation.ts'
import { requestRotation, rotateKeys } from '../rotation/rotate-keys.ts'
import type { RotateControl, RotateDeps, RotationRequest, RotationResult } from '../rotation/rotation.ts'
import { compromiseKey } from './compromise.ts'
import { type DestroyKeyDeps, destroyKey } from './destroy.ts'
import { type DestroyedKeys, destroyEmptied } from './emptied-index-keys.ts'
import { takeInventory } from './inventory.ts'
import { keyStatus } from './key-status.ts'
import { reopenKey } from './reopen.ts'
import { type CertifyKeyDeps, certifyKey } from './retirement-attestation.ts'

export type KeyCommandDeps = CertifyKeyDeps & DestroyKeyDeps & RotateDeps

/** A rotation that has ended, and the index keys that it has emptied. */
export type EndedRotation = RotationResult & DestroyedKeys

/** The operator's commands over the keys. */
export function createKeyCommands(deps: KeyCommandDeps) {
  return {
    listKeys: () => listKeys(deps.database),
    listRootKeys: () => listRootKeys(deps.database),
    takeInventory: () => takeInventory(deps),
    destroyKey: (operator: AuditCaller, id: string, onWait?: (reason: string) => void) =>
      destroyKey(deps, operator, id, onWait),
    certifyKey: (operator: AuditCaller, id: string) => certifyKey(deps, operator, id),
    compromiseKey: (operator: AuditCaller, id: string) => compromiseKey(deps, operator, id),
    reopenKey: (operator: AuditCaller, id: string, reason: string) => reopenKey(deps, operator, id, reason),
    keyStatus: () => keyStatus(deps),
    /** It also destroys the index keys that it has emptied, unless the request keeps them. */
    async rotateKeys(operator: AuditCaller, request: RotationRequest, control: RotateControl): Promise<EndedRotation> {
      const result = await rotateKeys(deps, operator, request, control)
      const isLast = result.done && !request.keepsKeys && request.purposes.some(isIndexPurpose)
      const freed = isLast ? await destroyEmptied(deps, operator, control) : { destroyed: [], awaited: [] }
      return { ...result, ...freed }
    },
    requestRotation: (operator: AuditCaller, request: RotationRequest) => requestRotation(deps, operator, request),
    estimateRotation: (request: RotationRequest) => estimateRotation(deps, request),
  }
}
