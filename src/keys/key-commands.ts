import type { AuditCaller } from '../audit/audit-event.ts'
import { type CertifyKeyDeps, certifyKey } from './certificate.ts'
import { compromiseKey } from './compromise.ts'
import { type DestroyKeyDeps, destroyKey } from './destroy.ts'
import { takeInventory } from './inventory.ts'
import { keyStatus } from './key-status.ts'
import { listKeys, listRootKeys } from './key-store.ts'
import { reopenKey } from './reopen.ts'
import { estimateRotation } from './rotation/estimate-rotation.ts'
import { requestRotation, rotateKeys } from './rotation/rotate-keys.ts'
import type { RotateControl, RotateDeps, RotationRequest } from './rotation/rotation.ts'

export type KeyCommandDeps = CertifyKeyDeps & DestroyKeyDeps & RotateDeps

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
    rotateKeys: (operator: AuditCaller, request: RotationRequest, control: RotateControl) =>
      rotateKeys(deps, operator, request, control),
    requestRotation: (operator: AuditCaller, request: RotationRequest) => requestRotation(deps, operator, request),
    estimateRotation: (request: RotationRequest) => estimateRotation(deps, request),
  }
}
