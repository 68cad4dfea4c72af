import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { AuditCaller, AuditFacts } from '../../src/audit/event/audit-event.ts'
import { seedEvents, waitUntilLogged } from '../support/seed-events.ts'
import { TestVault } from '../support/test-vault.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
/** A Wednesday at noon. */
const NOW = new Date('2026-03-18T12:00:00Z')
const SINCE = new Date(NOW.getTime() - DAY_MS)
const OPERATOR: AuditCaller = { id: 'operator:test', kind: 'operator' }

const recordOf = (number: number) => `card_${String(number).padStart(26, '0')}`

const ann: AuditCaller = { id: 'staff:Ann', kind: 'staff', role: 'support' }
const shop: AuditCaller = { id: 'client_fulfilment', kind: 'client', role: 'fulfilment' }

type Seed = AuditFacts & { at: Date }

let vault: TestVault

const reveals = (caller: AuditCaller, at: Date, records: number, purpose: string): Seed[] =>
  Array.from({ length: records }, (_, number) => ({
    at: new Date(at.getTime() + number * 1_000),
    type: number % 3 === 0 ? 'record.release' : 'record.reveal',
    outcome: 'success',
    caller,
    site: 'default',
    purpose,
    kind: 'card',
    token: recordOf(number),
  }))

const refusals = (caller: AuditCaller | undefined, at: Date, count: number): Seed[] =>
  Array.from({ length: count }, (_, number) => ({
    at: new Date(at.getTime() + number * 1_000),
    type: 'request.refuse',
    outcome: 'refused',
    code: 'scope-missing',
    route: 'POST /v1/search',
    caller,
  }))

/** Refusals of strangers that share an event. */
const together = (at: Date, count: number): Seed => ({
  at,
  type: 'request.refuse',
  outcome: 'refused',
  code: 'too-many-requests',
  count,
  since: at.toISOString(),
  until: at.toISOString(),
})

/** Five weeks of ordinary days, to the hour of the review: work in working hours, a program day and night, some refusals. */
function ordinaryDays(): Seed[] {
  const seeds: Seed[] = []
  for (let day = new Date('2026-02-11T00:00:00Z'); day < NOW; day = new Date(day.getTime() + DAY_MS)) {
    const at = (hour: number) => new Date(day.getTime() + hour * HOUR_MS)
    const isWorkday = day.getUTCDay() >= 1 && day.getUTCDay() <= 5
    if (isWorkday) seeds.push(...reveals(ann, at(9), 6, 'communicate'), ...refusals(ann, at(10), 2))
    seeds.push(...reveals(shop, at(3), 30, 'provide-goods'), ...refusals(undefined, at(4), 5))
  }
  return seeds.filter(({ at }) => at < NOW)
}

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true }, clockOffsetMs: NOW.getTime() - Date.now() })
  await seedEvents(vault, ordinaryDays())
  await waitUntilLogged(vault)
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const review = (timeZone = 'UTC', since = SINCE) => vault.commands.reviewLog(OPERATOR, { since, timeZone })

/** What a review finds with these events, and only with them. */
async function reviewWith(seeds: readonly Seed[], timeZone = 'UTC') {
  const ids = await seedEvents(vault, seeds)
  try {
    await waitUntilLogged(vault)
    return { ids, findings: await review(timeZone) }
  } finally {
    await vault.database.sql('DELETE FROM readable.audit_events WHERE id = ANY ($1)', [ids])
  }
}

it('finds nothing on ordinary days', async () => {
  expect(await review()).toEqual([])
})

it('is an event: over how many events it went', async () => {
  const before = await vault.database.sql('SELECT FROM readable.audit_events WHERE occurred_at >= $1', [SINCE])
  await review()
  const read = (await vault.events({ type: 'audit.read', subject: 'review' })).at(-1)
  expect(read).toMatchObject({ caller: OPERATOR, outcome: 'success', count: before.length })
})

const at = (time: string) => new Date(`2026-03-${time}Z`)

describe('each anomaly is found once', () => {
  it.each<[rule: string, caller: string | null, seeds: Seed[], count: number]>([
    // 30 an hour are usual for the program, 6 for Ann.
    ['reveal-burst', shop.id, reveals(shop, at('18T03:30:00'), 200, 'provide-goods').map(elsewhere), 230],
    ['reveal-burst', ann.id, reveals(ann, at('18T11:00:00'), 31, 'communicate').map(elsewhere), 31],
    ['new-purpose', ann.id, reveals(ann, at('18T10:00:00'), 2, 'marketing'), 2],
    ['off-hours', ann.id, reveals(ann, at('17T22:00:00'), 3, 'communicate'), 3],
    ['many-refusals', ann.id, refusals(ann, at('18T11:00:00'), 21), 21],
    ['many-refusals', null, refusals(undefined, at('18T11:00:00'), 21), 21],
    ['many-refusals', null, [together(at('18T11:00:00'), 5000)], 5000],
  ])('%s of %s', async (rule, caller, seeds, count) => {
    const { findings } = await reviewWith(seeds)
    expect(findings.map((finding) => [finding.rule, finding.caller, finding.count])).toEqual([[rule, caller, count]])
    expect(findings[0]!.events.length).toBeGreaterThan(0)
    const { first, last } = findings[0]!
    expect(first >= SINCE.toISOString() && first <= last && last < NOW.toISOString()).toBe(true)
  })

  it('a glass that was broken, until it is reviewed, also weeks later', async () => {
    const breaking = (time: string): Seed => ({
      at: at(time),
      type: 'approval.break-glass',
      outcome: 'success',
      caller: ann,
      site: 'default',
      subject: `apr_${time}`,
      token: recordOf(0),
      kind: 'card',
      purpose: 'communicate',
    })
    const reviewing: Seed = {
      ...breaking('02T10:00:00'),
      at: at('03T10:00:00'),
      type: 'approval.review',
      caller: { ...ann, id: 'staff:Bob' },
    }
    const { findings } = await reviewWith([breaking('02T10:00:00'), breaking('03T09:00:00')])
    expect(findings.map(({ rule, caller, count }) => [rule, caller, count])).toEqual([
      ['break-glass-unreviewed', ann.id, 2],
    ])
    const after = await reviewWith([breaking('02T10:00:00'), reviewing, breaking('03T09:00:00')])
    expect(after.findings.map(({ events }) => events)).toEqual([[after.ids[2]]])
    expect((await reviewWith([breaking('02T10:00:00'), reviewing])).findings).toEqual([])
  })
})

describe('a finding that was acknowledged', () => {
  const acknowledge = (finding: string, note: string, timeZone = 'UTC') =>
    vault.commands.acknowledgeFinding(OPERATOR, { since: SINCE, timeZone, finding, note })
  const noted = { by: OPERATOR.id, note: 'she was on call, see OPS-12' }

  it('says who looked and with which result, also in the log, until more events belong to it', async () => {
    const night = [at('17T22:00:00'), at('17T23:00:00')]
    const ids = await seedEvents(vault, reveals(ann, night[0]!, 3, 'communicate'))
    try {
      await waitUntilLogged(vault)
      const [found] = await review()
      expect(found).toMatchObject({ rule: 'off-hours', acknowledged: null })
      const acknowledged = await acknowledge(found!.id, noted.note)
      expect(acknowledged).toMatchObject({ id: found!.id, acknowledged: noted })
      expect((await vault.events({ type: 'audit.acknowledge' })).at(-1)).toMatchObject({
        caller: OPERATOR,
        subject: found!.id,
        code: 'off-hours',
        note: noted.note,
        outcome: 'success',
      })
      expect(await review()).toMatchObject([{ id: found!.id, acknowledged: noted }])
      // A review over less, or over more, knows it.
      const later = new Date(night[0]!.getTime() + 1_500)
      expect(await review('UTC', later)).toMatchObject([{ id: found!.id, count: 1, acknowledged: noted }])
      await acknowledge(found!.id, 'the second look says the same')
      expect(await review()).toMatchObject([{ acknowledged: { note: 'the second look says the same' } }])

      ids.push(...(await seedEvents(vault, reveals(ann, night[1]!, 1, 'communicate'))))
      await waitUntilLogged(vault)
      expect(await review()).toMatchObject([{ count: 4, acknowledged: null }])
    } finally {
      await vault.database.sql('DELETE FROM readable.audit_events WHERE id = ANY ($1)', [ids])
    }
  })

  it('must be one that there is', async () => {
    const before = await vault.events({ type: 'audit.acknowledge' })
    await expect(acknowledge('finding_0', 'nothing')).rejects.toThrow(/there is no such finding/)
    expect(await vault.events({ type: 'audit.acknowledge' })).toEqual(before)
  })
})

describe('what is not an anomaly', () => {
  it.each<[string, Seed[]]>([
    ['a busy hour', reveals(ann, at('18T10:00:00'), 14, 'communicate').map(elsewhere)],
    [
      'the same records again and again',
      Array(5)
        .fill(reveals(ann, at('18T10:00:00'), 6, 'communicate'))
        .flat(),
    ],
    ['a program at night', reveals(shop, at('18T02:00:00'), 10, 'provide-goods')],
    ['refusals of a day', [1, 3, 5, 7, 9].flatMap((hour) => refusals(ann, at(`18T0${hour}:00:00`), 9))],
    [
      'what failed and was not refused',
      refusals(ann, at('18T11:00:00'), 40).map((one) => ({ ...one, outcome: 'failed' })),
    ],
    ['what is older than the review', reveals(ann, at('16T22:00:00'), 50, 'communicate')],
  ])('%s', async (_name, seeds) => {
    expect((await reviewWith(seeds)).findings).toEqual([])
  })

  it('a purpose that was used 90 days ago, and is one after 91', async () => {
    const old = (days: number) => reveals(ann, new Date(SINCE.getTime() - days * DAY_MS + HOUR_MS), 1, 'marketing')
    const today = reveals(ann, at('18T10:00:00'), 1, 'marketing')
    expect((await reviewWith([...old(90), ...today])).findings).toEqual([])
    expect((await reviewWith([...old(91), ...today])).findings.map(({ rule }) => rule)).toEqual(['new-purpose'])
  })

  it('the evening here, which is the working day there', async () => {
    const late = reveals(ann, at('17T22:30:00'), 1, 'communicate')
    // 22:30 in London is 06:30 in Singapore, 07:30 in Tokyo, and 04:00 on the next day in India.
    const rules = async (zone: string) =>
      (await reviewWith(late, zone)).findings.map(({ rule, count }) => [rule, count])
    expect(await rules('Asia/Singapore')).toEqual([['off-hours', 1]])
    expect(await rules('Asia/Tokyo')).toEqual([])
    expect(await rules('Asia/Kolkata')).toEqual([['off-hours', 1]])
  })
})

describe('the log itself', () => {
  it('is looked at when events wait for longer than a minute', async () => {
    const quiet = await TestVault.start({ clockOffsetMs: NOW.getTime() - Date.now() })
    try {
      const look = () => quiet.commands.reviewLog(OPERATOR, { since: SINCE, timeZone: 'UTC' })
      expect(await look()).toEqual([])
      const [id] = await seedEvents(quiet, refusals(ann, new Date(NOW.getTime() - 120_000), 1))
      expect(await look()).toEqual([
        expect.objectContaining({ rule: 'log-waiting', severity: 'high', caller: null, count: 1, events: [id] }),
      ])
    } finally {
      await quiet.stop()
    }
  })
})

/** Other records than those of ordinary days. */
function elsewhere(seed: Seed): Seed {
  return { ...seed, token: seed.token!.replace('card_0', 'card_1') }
}
