import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newSigner, ORIGIN, WrittenLog } from '../../../test/support/written-log.ts'
import { formatCheckpoint } from '../formats/checkpoint.ts'
import { hashLeaf, hashNode } from '../formats/merkle.ts'
import { signNote } from '../formats/signed-note.ts'
import { type VerifyLogOptions, verifyLog } from './verify-log.ts'
import { verifyProofs } from './verify-proofs.ts'

const signer = newSigner()
const next = newSigner()
const given: VerifyLogOptions = { keys: [signer.verifier], checkpoints: [], receipts: [] }
const verify = (log: WrittenLog, options: Partial<VerifyLogOptions> = {}) =>
  verifyLog(log.source(), { ...given, ...options })
const codes = async (log: WrittenLog, options: Partial<VerifyLogOptions> = {}) =>
  (await verify(log, options)).findings.map(({ code, sequence }) =>
    sequence === undefined ? code : `${code}@${sequence}`,
  )

function written(count: number, signEvery = 100): WrittenLog {
  const log = new WrittenLog()
  log.add({ type: 'audit.key', subject: 'key_1', public_key: signer.announcement })
  for (let at = 1; at < count; at++) {
    log.add({ count: at })
    if (at % signEvery === 0) log.sign(signer)
  }
  log.sign(signer, false)
  return log
}

describe('a log as it was written', () => {
  it('is found sound at any size, with checkpoints anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_200 }),
        fc.integer({ min: 1, max: 400 }),
        async (size, signEvery) => {
          const result = await verify(written(size, signEvery))
          expect(result).toMatchObject({ ok: true, size, signed: size, origin: ORIGIN })
          expect(result.checkpoints).toBe(Math.floor((size - 1) / signEvery) + 1)
        },
      ),
      { numRuns: 8 },
    )
  })

  it('may be empty, and may never have been kept', async () => {
    const log = new WrittenLog()
    expect(await verify(log)).toMatchObject({ ok: true, size: 0 })
    log.sign(signer, false)
    expect(await verify(log)).toMatchObject({ ok: true, size: 0, checkpoints: 1 })
  })

  it('is not, when any bit of any leaf is another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 59 }), fc.integer({ min: 0, max: 255 }), async (leaf, bit) => {
        const log = written(60)
        log.leaves[leaf]!.hash![bit >> 3]! ^= 1 << (bit & 7)
        const found = await codes(log)
        expect(found).toContain(`edited@${leaf}`)
        expect(found).toContain('forked@0')
      }),
      { numRuns: 8 },
    )
  })
})

describe('the keys of a log', () => {
  /** Signed by one key, then by the next, which is announced under the first. */
  function rotated(keepsLast: boolean): WrittenLog {
    const log = written(150)
    log.add({ type: 'key.create', subject: 'key_2', public_key: next.announcement })
    log.add()
    log.sign(signer, keepsLast)
    for (let at = 0; at < 100; at++) log.add()
    log.sign(next)
    return log
  }

  it('are trusted from one to the next, whichever of them is given', async () => {
    expect(await codes(rotated(true))).toEqual([])
    expect(await codes(rotated(true), { keys: [next.verifier] })).toEqual([])
    expect(await codes(rotated(true), { keys: [] })).toEqual([])
  })

  it('are not, when the next one was announced under no checkpoint of the first', async () => {
    expect(await codes(rotated(false))).toEqual(['unknown-key', 'unknown-key'])
    const result = await verify(rotated(false))
    expect(result.signed).toBe(101)
  })

  it('are not, when a stranger brings a checkpoint that the log does not have', async () => {
    const log = written(150)
    const root = Buffer.alloc(32, 1)
    const foreign = signNote(formatCheckpoint({ origin: ORIGIN, size: 120, root }), ORIGIN, next.secret)
    expect(await codes(log, { checkpoints: [{ place: 'x', note: foreign }] })).toEqual(['unknown-key'])
    const own = signNote(formatCheckpoint({ origin: ORIGIN, size: 120, root }), ORIGIN, signer.secret)
    expect(await codes(log, { checkpoints: [{ place: 'x', note: own }] })).toEqual(['forked'])
    const empty = signNote(formatCheckpoint({ origin: 'other', size: 0, root }), 'other', signer.secret)
    expect(await codes(log, { checkpoints: [{ place: 'x', note: empty }] })).toEqual(['other-log'])
  })
})

describe('time', () => {
  it('may run back a little, since an event takes its time before it commits', async () => {
    const log = written(10)
    log.now = new Date(log.now.getTime() - 4 * 60_000)
    log.add()
    log.sign(signer, false)
    expect(await codes(log)).toEqual([])
  })

  it('may not run back further; that is said once', async () => {
    const log = written(10)
    log.now = new Date(log.now.getTime() - 10 * 60_000)
    for (let at = 0; at < 5; at++) log.add()
    log.sign(signer, false)
    expect(await codes(log)).toEqual(['time-runs-back@10'])
  })
})

describe('events that retention has dropped', () => {
  function dropped(ranges: string[], monthsLater = 14, [from, to] = [0, 700]): WrittenLog {
    const log = written(800)
    const recent = log.now
    log.now = new Date(recent.getTime() + monthsLater * 31 * 86_400_000)
    log.add({ type: 'audit.drop', ranges })
    log.sign(signer, false)
    log.drop(from, to)
    return log
  }

  it('are no finding when an event says which, and the hashes that are left still give what was signed', async () => {
    const result = await verify(dropped(['0-511', '512-699']))
    expect(result.findings).toEqual([])
    // Checkpoints among the leaves that are gone can be compared with nothing; those at their ends can.
    expect(result).toMatchObject({ ok: true, dropped: 700, checkpoints: 3 })
  })

  it('are, when no event says so', async () => {
    expect(await codes(dropped(['0-399', '401-699']))).toEqual(['removed@400'])
    expect(await codes(dropped([]))).toEqual(['removed@0'])
    expect(await codes(dropped(['0-600', '650']))).toEqual(['removed@601', 'removed@651'])
  })

  it('are, when they were not a year old', async () => {
    expect(await codes(dropped(['100-699'], 11, [100, 700]))).toEqual(['removed@100'])
    // Nothing precedes them; what is left of their leaves says when they were made.
    expect(await codes(dropped(['0-699'], 11))).toEqual(['removed@0'])
  })

  it('are, when the hash of their subtree is another', async () => {
    const log = dropped(['0-699'])
    log.subtrees.get('1/1')![0]! ^= 1
    // The event that says so is in a part of the log without such a signature.
    expect(await codes(log)).toEqual([expect.stringMatching(/^forked@/), 'removed@0'])
  })

  it('leave records without their beginning, which is not a finding then', async () => {
    const log = new WrittenLog()
    const token = 'card_1'
    log.add({ type: 'record.tokenize', token })
    log.add()
    log.now = new Date(log.now.getTime() + 400 * 86_400_000)
    log.add({ type: 'record.read', token, record_version: 1 })
    log.add({ type: 'audit.key', subject: 'key_1', public_key: signer.announcement })
    log.add({ type: 'audit.drop', ranges: ['0-0'] })
    log.sign(signer)
    log.leaves[0]!.stored = undefined
    expect(await codes(log)).toEqual([])
    log.leaves.at(-1)!.stored!.body = '{}'
    expect(await codes(log)).toContain('removed@0')
  })
})

describe('proofs without a log', () => {
  const proofs = (notes: readonly string[], receipts: string[] = []) =>
    verifyProofs({
      keys: [signer.verifier],
      checkpoints: notes.map((note, at) => ({ place: `${at}`, note })),
      receipts: receipts.map((json, at) => ({ place: `${at}`, json })),
    }).findings.map(({ code }) => code)
  const note = (size: number, byte: number, { secret } = signer) =>
    signNote(formatCheckpoint({ origin: ORIGIN, size, root: Buffer.alloc(32, byte) }), ORIGIN, secret)

  it('are checkpoints that a trusted key has signed, and no two of one size', () => {
    expect(proofs([note(7, 1), note(8, 2)])).toEqual([])
    expect(proofs([note(7, 1, next)])).toEqual(['unknown-key'])
    expect(proofs([note(7, 1), note(7, 2)])).toEqual(['forked'])
    expect(proofs(['no note'])).toEqual(['malformed-checkpoint'])
  })

  it('are receipts whose proof leads from the event to the checkpoint', () => {
    const log = new WrittenLog()
    log.add()
    const { body } = log.leaves[0]!.stored!
    const receipt = {
      format: 1,
      event: JSON.parse(body),
      body,
      index: 0,
      proof: [] as string[],
      checkpoint: log.sign(signer),
    }
    const check = (changes: Partial<typeof receipt> | { event: unknown }) =>
      proofs([], [JSON.stringify({ ...receipt, ...changes })])
    expect(check({})).toEqual([])
    expect(check({ index: 1 })).toEqual(['malformed-receipt'])
    expect(check({ proof: [Buffer.alloc(32).toString('base64')] })).toEqual(['malformed-receipt'])
    expect(check({ event: { ...receipt.event, outcome: 'refused' } })).toEqual(['malformed-receipt'])
    expect(
      check({ body: body.replace('success', 'refused'), event: JSON.parse(body.replace('success', 'refused')) }),
    ).toEqual(['malformed-receipt'])
    expect(check({ checkpoint: log.sign(next) })).toEqual(['unknown-key'])
    expect(proofs([], ['{'])).toEqual(['malformed-receipt'])
  })

  it('are receipts whose proof is written in the one way in which it can be, of hashes of exactly 32 bytes', () => {
    const log = new WrittenLog()
    for (let count = 0; count < 4; count++) log.add()
    const { body } = log.leaves[0]!.stored!
    const leaves = log.leaves.map(({ stored }) => hashLeaf(Buffer.from(stored!.body)))
    const siblings = [leaves[1]!, hashNode(leaves[2]!, leaves[3]!)]
    const check = (proof: readonly string[]) => {
      const receipt = { format: 1, event: JSON.parse(body), body, index: 0, proof, checkpoint: log.sign(signer) }
      return proofs([], [JSON.stringify(receipt)])
    }
    const proof = siblings.map((hash) => hash.toString('base64'))
    expect(check(proof)).toEqual([])
    const [first, second] = proof as [string, string]
    // 32 bytes leave two bits of the last letter unused: three other letters encode the same bytes.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const neighbour = alphabet[alphabet.indexOf(first.at(-2)!) + 1]!
    const spelled = [
      ...[`${first.slice(0, -2)}${neighbour}=`, first.slice(0, -1), `${first}=`, `${first}\n`, ` ${first}`],
      siblings[0]!.toString('hex'),
      ...(siblings[0]!.toString('base64url') === first.slice(0, -1) ? [] : [`${siblings[0]!.toString('base64url')}=`]),
    ]
    for (const one of spelled) {
      expect(check([one, second]), JSON.stringify(one)).toEqual(['malformed-receipt'])
    }
    for (const length of [0, 31, 33, 64]) {
      const padded = Buffer.concat([siblings[0]!, Buffer.alloc(32)]).toString('base64', 0, length)
      expect(check([padded, second]), `${length} bytes`).toEqual(['malformed-receipt'])
    }
  })
})
