import { type Checkpoint, parseCheckpoint } from '../formats/checkpoint.ts'
import { NoteError, type SignedNote } from '../formats/signed-note.ts'
import type { TreeCheck } from './check-tree.ts'
import { type Findings, leaves } from './log-finding.ts'
import type { LogEvidence } from './log-source.ts'
import type { TrustedKeys } from './trusted-keys.ts'

/** A checkpoint that can be read. */
export type ReadEvidence = Checkpoint & { place: string; note: SignedNote }

/** Reads a checkpoint; undefined, with a finding, if the text is not a checkpoint. */
export function readEvidence(findings: Findings, { place, note, beside }: LogEvidence): ReadEvidence | undefined {
  try {
    const evidence = { place, ...parseCheckpoint(note) }
    const { size, origin = evidence.origin, root = evidence.root } = beside ?? evidence
    if (size !== evidence.size || origin !== evidence.origin || !root.equals(evidence.root)) {
      findings.add({ code: 'edited', detail: `the columns of ${place} differ from what the checkpoint says` })
    }
    return evidence
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    findings.add({ code: 'malformed-checkpoint', detail: `${place} cannot be read: ${error.message}` })
    return undefined
  }
}

export function sayUnknownKey(findings: Findings, { place, size, note }: ReadEvidence): void {
  const ids = note.signatures.map(({ keyId }) => keyId.toString('hex')).join(', ')
  const detail = `${place} (${size} leaves) was signed by no key that is trusted; its signatures name ${ids}`
  findings.add({ code: 'unknown-key', detail })
}

export interface EvidenceCheck {
  /** Compares a checkpoint of as many leaves as the tree has now. */
  compare(evidence: ReadEvidence): void
  /** A checkpoint of a tree in the middle of leaves that are not there. */
  skip(evidence: ReadEvidence): void
  /** A checkpoint of more leaves than there are. */
  exceed(evidence: ReadEvidence): void
  /** Adds the last findings, when the whole tree is known. */
  end(): void
  /** How many were compared with the tree. */
  readonly count: number
}

/** Compares checkpoints, in the order of their sizes, with the tree as it grows, and looks for trusted signatures. */
export function createEvidenceCheck(
  findings: Findings,
  tree: Omit<TreeCheck, 'add' | 'end'>,
  trusted: TrustedKeys,
  origin: string | undefined,
): EvidenceCheck {
  let count = 0
  /** Without a trusted signature so far; a later part of the log may announce the key. */
  let unsigned: { evidence: ReadEvidence; isSame: boolean }[] = []
  /** Checkpoints of other trees, each with the last size before that was right. */
  const others: { evidence: ReadEvidence; soundSize: number }[] = []
  const beyond: ReadEvidence[] = []
  let soundSize = 0

  function isOfThisLog(evidence: ReadEvidence): boolean {
    if (origin === undefined || evidence.origin === origin) return true
    findings.add({ code: 'other-log', detail: `${evidence.place} is of the log ${evidence.origin}, this is ${origin}` })
    return false
  }

  function judgeSignature(evidence: ReadEvidence, isSame: boolean): boolean {
    const isSigned = trusted.hasSigned(evidence.origin, evidence.note)
    if (isSigned && isSame) trusted.believe(evidence.size)
    return isSigned
  }

  /** Whether a trusted key has signed it, as far as is known by now. */
  function remember(evidence: ReadEvidence, isSame: boolean): boolean {
    const isSigned = judgeSignature(evidence, isSame)
    if (!isSigned) unsigned.push({ evidence, isSame })
    return isSigned
  }

  function sayUnsigned(): void {
    for (let last = -1; last !== trusted.count; ) {
      last = trusted.count
      unsigned = unsigned.filter(({ evidence, isSame }) => !judgeSignature(evidence, isSame))
    }
    for (const { evidence } of unsigned) sayUnknownKey(findings, evidence)
  }

  /**
   * A checkpoint without a trusted signature proves nothing. It is a finding already, as are faults of single tiles.
   */
  function sayOthers(): void {
    const strange = new Set(unsigned.map(({ evidence }) => evidence))
    const signed = others.filter(({ evidence }) => !strange.has(evidence) && !tree.endsInWrongTile(evidence.size))
    const single = signed.filter(({ evidence }) => evidence.size <= soundSize)
    for (const { evidence } of single) {
      const detail = `${evidence.place} is of another log: its root at ${evidence.size} leaves is not that of this one, which later checkpoints confirm`
      findings.add({ code: 'forked', detail })
    }
    const [first, ...rest] = signed.slice(single.length)
    if (first === undefined || tree.isExplained) return
    const { evidence } = first
    const where = `the ${leaves(first.soundSize, evidence.size - 1)}`
    const more = rest.length > 0 ? `; so have ${rest.length} later checkpoints` : ''
    const detail = `${evidence.place} (${evidence.size} leaves) has another root than the log${more}: in ${where} something was edited, put in, left out or moved, or there are two logs`
    findings.add({ code: 'forked', sequence: first.soundSize, detail })
  }

  function sayBeyond(): void {
    const [largest] = beyond.toSorted((one, other) => other.size - one.size)
    if (largest === undefined) return
    const more = beyond.length > 1 ? `, and ${beyond.length - 1} other checkpoints say the same` : ''
    const detail = `the log ends after ${tree.size} leaves, and ${largest.place} was signed over ${largest.size}${more}: the ${leaves(tree.size, largest.size - 1)} were cut off`
    findings.add({ code: 'cut-tail', sequence: tree.size, detail })
  }

  return {
    get count() {
      return count
    },
    compare(evidence) {
      if (!isOfThisLog(evidence)) return
      const isSame = tree.hasRoot(evidence.root)
      if (isSame !== undefined) count += 1
      const isSigned = remember(evidence, isSame === true)
      if (isSame === false) {
        if (others.at(-1)?.soundSize !== soundSize) tree.explain(evidence.root, soundSize)
        others.push({ evidence, soundSize })
      } else if (isSame && isSigned) soundSize = evidence.size
    },
    skip(evidence) {
      if (isOfThisLog(evidence)) remember(evidence, false)
    },
    exceed(evidence) {
      if (!isOfThisLog(evidence)) return
      beyond.push(evidence)
      remember(evidence, false)
    },
    end() {
      sayUnsigned()
      sayOthers()
      sayBeyond()
    },
  }
}
