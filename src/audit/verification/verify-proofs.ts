import { type ReadClaim, readClaim, sayUnknownKey } from './check-evidence.ts'
import { readReceipt } from './check-receipt.ts'
import { collectFindings } from './log-finding.ts'
import { createTrustedKeys } from './trusted-keys.ts'
import type { LogVerification, VerifyLogOptions } from './verify-log.ts'

/**
 * Verifies receipts and checkpoints by themselves, without the log: that a trusted key has signed them, that each receipt
 * leads from its event to its checkpoint, and that no two of them are of two logs of one size.
 */
export function verifyProofs({ keys, checkpoints, receipts }: VerifyLogOptions): LogVerification {
  const findings = collectFindings()
  const trusted = createTrustedKeys(keys)
  const read = receipts.map(({ place, json }) => readReceipt(findings, place, json)).filter((one) => one !== undefined)
  const claims = [...checkpoints.map((claim) => readClaim(findings, claim)), ...read.map(({ claim }) => claim)].filter(
    (claim) => claim !== undefined,
  )
  const known = new Map<string, ReadClaim>()
  for (const claim of claims) {
    if (!trusted.hasSigned(claim.origin, claim.note)) sayUnknownKey(findings, claim)
    const tree = `${claim.size} ${claim.origin}`
    const other = known.get(tree)
    if (other === undefined) known.set(tree, claim)
    else if (!other.root.equals(claim.root)) {
      const detail = `${claim.place} and ${other.place} have two roots for one log of ${claim.size} leaves`
      findings.add({ code: 'forked', detail })
    }
  }
  const found = findings.list()
  return {
    ok: found.length === 0,
    ...{ origin: claims[0]?.origin, size: 0, signed: 0, checkpoints: checkpoints.length, receipts: read.length },
    ...{ records: 0, pending: 0, unproven: 0, dropped: 0, minimum_index: 0, findings: found },
  }
}
