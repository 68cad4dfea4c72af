import { type Checkpoint, parseCheckpoint } from '../formats/checkpoint.ts'
import { NoteError, type SignedNote } from '../formats/signed-note.ts'
import type { TreeCheck } from './check-tree.ts'
import { type Findings, leaves } from './log-finding.ts'
import type { LogClaim } from './log-source.ts'
import type { TrustedKeys } from './trusted-keys.ts'

/** A checkpoint that can be read. */
export type ReadClaim = Checkpoint & { place: string; note: SignedNote }

/** Reads a checkpoint; undefined when it is none, which is among the findings then. */
export function readClaim(findings: Findings, { place, note, beside }: LogClaim): ReadClaim | undefined {
  try {
    const claim = { place, ...parseCheckpoint(note) }
    const { size, origin = claim.origin, root = claim.root } = beside ?? claim
    if (size !== claim.size || origin !== claim.origin || !root.equals(claim.root)) {
      findings.add({ code: 'edited', detail: `what stands beside ${place} differs from what the checkpoint says` })
    }
    return claim
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    findings.add({ code: 'malformed-checkpoint', detail: `${place} cannot be read: ${error.message}` })
    return undefined
  }
}

export function sayUnknownKey(findings: Findings, { place, size, note }: ReadClaim): void {
  const ids = note.signatures.map(({ keyId }) => keyId.toString('hex')).join(', ')
  const detail = `${place} (${size} leaves) was signed by no key that is trusted; its signatures name ${ids}`
  findings.add({ code: 'unknown-key', detail })
}

export interface ClaimCheck {
  /** Compares a checkpoint of as many leaves as the tree has now. */
  compare(claim: ReadClaim): void
  /** A checkpoint of a tree in the middle of leaves that are not there. */
  skip(claim: ReadClaim): void
  /** A checkpoint of more leaves than there are. */
  exceed(claim: ReadClaim): void
  /** Says what is left to say, when the whole tree is known. */
  end(): void
  /** How many were compared with the tree. */
  readonly count: number
}

/** Compares checkpoints, in the order of their sizes, with the tree as it grows, and asks who has signed them. */
export function createClaimCheck(
  findings: Findings,
  tree: Omit<TreeCheck, 'add' | 'end'>,
  trusted: TrustedKeys,
  origin: string | undefined,
): ClaimCheck {
  let count = 0
  /** Signed by nobody who is trusted yet; a later part of the log may tell. */
  let unsigned: { claim: ReadClaim; isSame: boolean }[] = []
  /** Checkpoints of other trees, each with the last size before that was right. */
  const others: { claim: ReadClaim; soundSize: number }[] = []
  const beyond: ReadClaim[] = []
  let soundSize = 0

  function isOfThisLog(claim: ReadClaim): boolean {
    if (origin === undefined || claim.origin === origin) return true
    findings.add({ code: 'other-log', detail: `${claim.place} is of the log ${claim.origin}, this is ${origin}` })
    return false
  }

  function judgeSignature(claim: ReadClaim, isSame: boolean): boolean {
    const isSigned = trusted.hasSigned(claim.origin, claim.note)
    if (isSigned && isSame) trusted.believe(claim.size)
    return isSigned
  }

  /** Whether a trusted key has signed it, as far as is known by now. */
  function remember(claim: ReadClaim, isSame: boolean): boolean {
    const isSigned = judgeSignature(claim, isSame)
    if (!isSigned) unsigned.push({ claim, isSame })
    return isSigned
  }

  function sayUnsigned(): void {
    for (let last = -1; last !== trusted.count; ) {
      last = trusted.count
      unsigned = unsigned.filter(({ claim, isSame }) => !judgeSignature(claim, isSame))
    }
    for (const { claim } of unsigned) sayUnknownKey(findings, claim)
  }

  /** What nobody trusted has signed proves nothing, and has been said already, as was what is wrong with single tiles. */
  function sayOthers(): void {
    const strange = new Set(unsigned.map(({ claim }) => claim))
    const signed = others.filter(({ claim }) => !strange.has(claim) && !tree.endsInWrongTile(claim.size))
    const single = signed.filter(({ claim }) => claim.size <= soundSize)
    for (const { claim } of single) {
      const detail = `${claim.place} is of another log: its root at ${claim.size} leaves is not that of this one, which later checkpoints confirm`
      findings.add({ code: 'forked', detail })
    }
    const [first, ...rest] = signed.slice(single.length)
    if (first === undefined || tree.isExplained) return
    const { claim } = first
    const where = `the ${leaves(first.soundSize, claim.size - 1)}`
    const more = rest.length > 0 ? `; so have ${rest.length} later checkpoints` : ''
    const detail = `${claim.place} (${claim.size} leaves) has another root than the log${more}: in ${where} something was edited, put in, left out or moved, or there are two logs`
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
    compare(claim) {
      if (!isOfThisLog(claim)) return
      const isSame = tree.hasRoot(claim.root)
      if (isSame !== undefined) count += 1
      const isSigned = remember(claim, isSame === true)
      if (isSame === false) {
        if (others.at(-1)?.soundSize !== soundSize) tree.explain(claim.root, soundSize)
        others.push({ claim, soundSize })
      } else if (isSame && isSigned) soundSize = claim.size
    },
    skip(claim) {
      if (isOfThisLog(claim)) remember(claim, false)
    },
    exceed(claim) {
      if (!isOfThisLog(claim)) return
      beyond.push(claim)
      remember(claim, false)
    },
    end() {
      sayUnsigned()
      sayOthers()
      sayBeyond()
    },
  }
}
