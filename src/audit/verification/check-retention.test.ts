import { describe, expect, it } from 'vitest'
import { newSigner, WrittenLog } from '../../../test/support/written-log.ts'
import { timeOfId } from '../../values/identifier.ts'
import type { AuditFacts } from '../event/audit-event.ts'
import { inclusionProof, rootOf } from '../formats/merkle.ts'
import { type VerifyLogOptions, verifyLog } from './verify-log.ts'

const signer = newSigner()
const given: VerifyLogOptions = { keys: [signer.verifier], checkpoints: [], receipts: [] }

const verify = (log: WrittenLog, options: Partial<VerifyLogOptions> = {}) =>
  verifyLog(log.source(), { ...given, ...options })
const codes = async (log: WrittenLog, options: Partial<VerifyLogOptions> = {}) =>
  (await verify(log, options)).findings.map(({ code, sequence }) => `${code}@${sequence}`)

/** 300 events in each of January, February and March 2026, as a version wrote them that knows minimum indexes, or an earlier one. */
function ofThreeMonths({ isOfThisVersion = true } = {}): WrittenLog {
  const log = new WrittenLog()
  for (let leaf = 0; leaf < 900; leaf++) {
    if (leaf % 300 === 0) log.now = new Date(Date.UTC(2026, leaf / 300, 10))
    if (leaf === 0) log.add({ type: 'audit.key', subject: 'key_1', public_key: signer.announcement })
    else if (leaf === 1 && isOfThisVersion) log.add({ type: 'audit.start', minimum_index: 0 })
    else log.add({ count: leaf })
  }
  log.sign(signer)
  return log
}

/** January and February, dropped in March of the next year. */
const DROP = {
  type: 'audit.drop',
  ranges: ['0-599'],
  until: '2026-03-01T00:00:00.000Z',
  count: 600,
  minimum_index: 768,
} as const satisfies Partial<AuditFacts>

function dropped(
  facts: Partial<AuditFacts> = {},
  [from, to] = [0, 600],
  { log = ofThreeMonths(), at = '2027-03-15' } = {},
): WrittenLog {
  log.now = new Date(at)
  log.add({ ...DROP, ...facts })
  log.add()
  log.sign(signer)
  for (const leaf of log.leaves.slice(from, to)) leaf.stored = undefined
  return log
}

/** The ids of some leaves become those of others, as an owner of the database may change them. */
function renamed(log: WrittenLog, from: number, to: number, target: number): WrittenLog {
  const { event } = log.leaves[target]!
  for (const [at, leaf] of log.leaves.slice(from, to).entries()) {
    leaf.event = `${event!.slice(0, -6)}${String(at).padStart(6, '0')}`
  }
  return log
}

async function receiptOf(log: WrittenLog, index: number): Promise<{ place: string; json: string }> {
  const hashes = log.leaves.map(({ hash }) => hash!)
  const read = async (height: number, at: number) => rootOf(hashes.slice(at * 2 ** height, (at + 1) * 2 ** height))
  const proof = await inclusionProof(read, index, hashes.length)
  const { body } = log.leaves[index]!.stored!
  const checkpoint = log.sign(signer, false)
  const encoded = proof.map((hash) => hash.toString('base64'))
  return {
    place: 'receipt.json',
    json: JSON.stringify({ format: 1, event: JSON.parse(body), body, index, proof: encoded, checkpoint }),
  }
}

describe('a drop', () => {
  it('takes whole months from the beginning of the log on', async () => {
    expect(await verify(dropped())).toMatchObject({ ok: true, findings: [], dropped: 600, minimum_index: 768 })
  })

  it('starts where the last one ended, whose own event is dropped later with its month', async () => {
    const log = dropped({ ranges: ['0-299'], until: '2026-02-01T00:00:00.000Z', minimum_index: 512 }, [0, 300])
    expect(await verify(log)).toMatchObject({ findings: [], dropped: 300, minimum_index: 512 })
    dropped({}, [0, 600], { log, at: '2027-04-15' })
    expect(await verify(log)).toMatchObject({ findings: [], dropped: 600 })
    // The first drop was leaf 900.
    dropped({ ranges: ['0-903'], until: '2027-05-01T00:00:00.000Z' }, [0, 904], { log, at: '2028-06-15' })
    expect(await verify(log, { keys: [signer.verifier] })).toMatchObject({ findings: [], dropped: 904 })
  })

  it.each<[string, Partial<AuditFacts>, [number, number]]>([
    ['is not of the beginning', { ranges: ['100-599'] }, [100, 600]],
    ['is of several places', { ranges: ['0-299', '300-599'] }, [0, 600]],
    ['says the beginning, and what is missing is not', {}, [100, 600]],
    ['takes a part of a month', { ranges: ['0-449'] }, [0, 450]],
    ['takes another month too', { ranges: ['0-599'], until: '2026-02-01T00:00:00.000Z' }, [0, 600]],
    ['is not of whole months', { until: '2026-02-20T00:00:00.000Z' }, [0, 600]],
    ['says no time', { until: 'long ago' }, [0, 600]],
    ['was refused', { outcome: 'refused' }, [0, 600]],
    ['is of itself', { ranges: ['0-950'] }, [0, 600]],
  ])('counts for nothing that %s', async (_name, facts, missing) => {
    const result = await verify(dropped(facts, missing))
    expect(result.findings.map(({ code, sequence }) => `${code}@${sequence}`)).toEqual([`removed@${missing[0]}`])
    expect(result).toMatchObject({ ok: false, dropped: 0, minimum_index: expect.any(Number) })
  })

  it('leaves room for nothing beyond it', async () => {
    expect(await codes(dropped({}, [0, 601]))).toEqual(['removed@600'])
  })

  it('is not of events younger than twelve months', async () => {
    expect(await codes(dropped({}, [0, 600], { log: ofThreeMonths(), at: '2027-02-27' }))).toEqual(['removed@0'])
    expect(await codes(dropped({}, [0, 600], { log: ofThreeMonths(), at: '2027-03-01' }))).toEqual([])
  })

  it('counts for nothing while it is under no checkpoint', async () => {
    const log = ofThreeMonths()
    log.now = new Date('2027-03-15')
    log.add(DROP)
    for (const leaf of log.leaves.slice(0, 600)) leaf.stored = undefined
    expect(await codes(log)).toEqual(['inserted@900', 'removed@0'])
  })

  it('counts for nothing under the checkpoint of a stranger', async () => {
    const log = ofThreeMonths()
    log.now = new Date('2027-03-15')
    log.add(DROP)
    log.sign(newSigner())
    for (const leaf of log.leaves.slice(0, 600)) leaf.stored = undefined
    expect(await codes(log)).toEqual(['unknown-key@undefined', 'unknown-key@undefined', 'removed@0'])
  })

  it('counts for nothing when it was edited', async () => {
    const log = dropped({ ranges: ['0-299'], until: '2026-02-01T00:00:00.000Z' })
    const { stored } = log.leaves[900]!
    const body = stored!.body.replace('0-299', '0-599').replace('2026-02-01', '2026-03-01')
    log.leaves[900]!.stored = { ...stored!, body }
    expect(await codes(log)).toEqual(['edited@900', 'removed@0'])
  })
})

describe('what a leaf says of the time of its event', () => {
  it('must fit between the events beside it', async () => {
    // A fresh event goes, its leaf is given an old id, and a drop says so.
    const log = dropped({ ranges: ['700'], minimum_index: undefined }, [700, 701], {
      log: ofThreeMonths({ isOfThisVersion: false }),
    })
    renamed(log, 700, 701, 10)
    expect(await codes(log)).toEqual(['time-runs-back@700'])
    const beginning = renamed(dropped(), 599, 600, 10)
    expect(await codes(beginning)).toEqual(['time-runs-back@599'])
    // A later one would fit no better.
    expect(timeOfId(log.leaves[10]!.event!)).toBeLessThan(Date.UTC(2026, 1, 1))
    expect(await codes(renamed(dropped(), 10, 11, 850))).toEqual(['time-runs-back@11', 'removed@0'])
  })

  it('is not believed against a receipt', async () => {
    // All of February says that it is of January, and January is old enough.
    const log = ofThreeMonths()
    const receipt = await receiptOf(log, 450)
    const receipts = [receipt]
    dropped({ until: '2026-02-01T00:00:00.000Z' }, [0, 600], { log, at: '2027-02-15' })
    renamed(log, 300, 600, 299)
    expect(await codes(log)).toEqual([])
    expect(await codes(log, { receipts })).toEqual(['time-runs-back@450', 'edited@450', 'removed@0'])
  })

  it('is bounded by the next event where it says nothing', async () => {
    const log = dropped()
    log.leaves[200]!.event = undefined
    expect(await codes(log)).toEqual([])
    for (const leaf of log.leaves.slice(590, 600)) leaf.event = undefined
    expect(await codes(log)).toEqual(['removed@0'])
  })
})

describe('drops of earlier versions, which need not be of the beginning', () => {
  const facts = { ranges: ['100-199', '300-399'], minimum_index: undefined, until: undefined }
  function droppedEarlier(at = '2027-03-15'): WrittenLog {
    const log = dropped(facts, [100, 200], { log: ofThreeMonths({ isOfThisVersion: false }), at })
    for (const leaf of log.leaves.slice(300, 400)) leaf.stored = undefined
    return log
  }

  it('still count, also when this version continues', async () => {
    const log = droppedEarlier()
    expect(await verify(log)).toMatchObject({ findings: [], dropped: 200, minimum_index: 0 })
    log.add({ type: 'audit.start', minimum_index: 0 })
    log.sign(signer)
    expect(await verify(log)).toMatchObject({ findings: [], dropped: 200 })
    dropped({}, [0, 600], { log, at: '2027-03-20' })
    expect(await verify(log)).toMatchObject({ findings: [], dropped: 600, minimum_index: 768 })
  })

  it('do not when they come after the first event of this version', async () => {
    const log = ofThreeMonths({ isOfThisVersion: false })
    log.now = new Date('2027-03-14')
    log.add({ type: 'audit.start', minimum_index: 0 })
    dropped(facts, [100, 200], { log })
    expect(await codes(log)).toEqual(['removed@100'])
  })

  it('are not of events that the one before them shows to be younger than a year', async () => {
    expect(await codes(droppedEarlier('2027-02-05'))).toEqual(['removed@300'])
    const log = droppedEarlier('2027-02-05')
    renamed(log, 300, 400, 299)
    expect(await codes(log)).toEqual([])
    // Of February themselves, with one left before them.
    const later = dropped({ ...facts, ranges: ['310-319'] }, [310, 320], {
      log: ofThreeMonths({ isOfThisVersion: false }),
      at: '2027-02-05',
    })
    for (const leaf of later.leaves.slice(310, 320)) leaf.event = undefined
    expect(await codes(later)).toEqual(['removed@310'])
  })
})
