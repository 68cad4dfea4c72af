import canonicalize from 'canonicalize'
import { z } from 'zod'
import { hashOfBase64 } from '../formats/canonical-base64.ts'
import { hashLeaf, includes } from '../formats/merkle.ts'
import { type ReadEvidence, readEvidence } from './check-evidence.ts'
import type { Findings } from './log-finding.ts'

/**
 * A receipt that is consistent: its proof leads from its event to its checkpoint. Its signatures are checked elsewhere.
 */
export interface ReadReceipt {
  place: string
  event: string
  /** When the event was made. */
  at: number
  index: number
  /** The hash of its leaf. */
  hash: Buffer
  evidence: ReadEvidence
}

const schema = z.object({
  format: z.literal(1),
  event: z.looseObject({ id: z.string(), at: z.string() }),
  body: z.string(),
  index: z.number().int().min(0),
  proof: z.array(z.string().max(44)).max(64),
  checkpoint: z.string(),
})

/** Verifies a receipt as far as that can be done without the log; undefined when it fails, which is among the findings then. */
export function readReceipt(findings: Findings, place: string, json: string): ReadReceipt | undefined {
  const fail = (detail: string, event?: string) => {
    findings.add({ code: 'malformed-receipt', event, detail: `${place}: ${detail}` })
    return undefined
  }
  const parsed = schema.safeParse(parseJson(json))
  if (!parsed.success) return fail('this is not a receipt of format 1')
  const { event, body, index, proof, checkpoint } = parsed.data
  if (canonicalize(event) !== body) return fail('the event is not the one in the body that was hashed', event.id)
  const evidence = readEvidence(findings, { place: `the checkpoint of ${place}`, note: checkpoint })
  if (evidence === undefined) return undefined
  const hash = hashLeaf(Buffer.from(body))
  const path = proof.map(hashOfBase64)
  if (!path.every((one) => one !== undefined)) {
    return fail('the proof holds something that is not a hash of 32 bytes in base64', event.id)
  }
  if (!includes(evidence, index, hash, path)) {
    return fail('the proof does not lead from the event to the checkpoint', event.id)
  }
  return { place, event: event.id, at: Date.parse(event.at), index, hash, evidence }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
