import { type ReadEvidence, readEvidence, sayUnknownKey } from './check-evidence.ts'
import { readReceipt } from './check-receipt.ts'
import { collectFindings } from './log-finding.ts'
import { createTrustedKeys } from './trusted-keys.ts'
import type { LogVerification, VerifyLogOptions } from './verify-log.ts'

/**
 * Verifies receipts and checkpoints without the log: a trusted key has signed them, each receipt leads from its event
 * to its checkpoint, and no two of them belong to two logs of one size.
 */
export function verifyProofs({ keys, checkpoints, receipts }: VerifyLogOptions): LogVerification {
  const findings = collectFindings()
  const trusted = createTrustedKeys(keys)
  const read = receipts.map(({ place, json }) => readReceipt(findings, place, json)).filter((one) => one !== undefined)
  const given = [
    ...checkpoints.map((evidence) => readEvidence(findings, evidence)),
    ...read.map(({ evidence }) => evidence),
  ].filter((evidence) => evidence !== undefined)
  const known = new Map<string, ReadEvidence>()
  for (const evidence of given) {
    if (!trusted.hasSigned(evidence.origin, evidence.note)) sayUnknownKey(findings, evidence)
    const tree = `${evidence.size} ${evidence.origin}`
    const other = known.get(tree)
    if (other === undefined) known.set(tree, evidence)
    else if (!other.root.equals(evidence.root)) {
      const detail = `${evidence.place} and ${other.place} have two roots for one log of ${evidence.size} leaves`
      findings.add({ code: 'forked', detail })
    }
  }
  const found = findings.list()
  return {
    ok: found.length === 0,
    origin: given[0]?.origin,
    size: 0,
    signed: 0,
    checkpoints: checkpoints.length,
    receipts: read.length,
    records: 0,
    pending: 0,
    unproven: 0,
    dropped: 0,
    minimum_index: 0,
    findings: found,
  }
}
