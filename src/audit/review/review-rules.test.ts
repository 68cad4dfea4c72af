import { describe, expect, it } from 'vitest'
import { applyReviewRules, type RevealHour, type ReviewFigures, reviewRules } from './review-rules.ts'

const AT = new Date('2026-11-24T10:15:00Z')
const group = { count: 1, first: AT, last: AT, events: ['evt_1'], sources: ['192.0.2.1'] }
const nothing: ReviewFigures = {
  reveals: [],
  purposes: [],
  refusals: [],
  unreviewed: [],
  waiting: undefined,
  gaps: [],
  forged: undefined,
  overdue: [],
}
const reveal = (facts: Partial<RevealHour>): RevealHour => ({
  ...group,
  caller: 'staff:Ann',
  kind: 'staff',
  records: 1,
  usual: 4,
  hour: 10,
  weekday: 2,
  ...facts,
})
const namesOf = (figures: Partial<ReviewFigures>) =>
  applyReviewRules({ ...nothing, ...figures }).map(({ rule }) => rule)

describe('a burst', () => {
  it.each([
    [20, 0, false],
    [21, 0, true],
    [21, 4.2, false],
    [22, 4.2, true],
    [500, 100, false],
    [501, 100, true],
  ])('of %i records where %f are usual: %s', (records, usual, isBurst) => {
    expect(namesOf({ reveals: [reveal({ records, usual })] })).toEqual(isBurst ? ['reveal-burst'] : [])
  })
})

describe('off-hours', () => {
  it.each([
    [6, 2, true],
    [7, 2, false],
    [19, 5, false],
    [20, 5, true],
    [10, 6, true],
    [10, 7, true],
    [0, 1, true],
  ])('at %i o’clock on day %i: %s', (hour, weekday, isOff) => {
    expect(namesOf({ reveals: [reveal({ hour, weekday })] })).toEqual(isOff ? ['off-hours'] : [])
  })

  it('are for people: a program has none', () => {
    expect(namesOf({ reveals: [reveal({ hour: 3, kind: 'client' })] })).toEqual([])
  })
})

describe('many refusals', () => {
  it.each([
    [20, 0],
    [21, 1],
  ])('%i in an hour give %i findings', (count, findings) => {
    expect(namesOf({ refusals: [{ ...group, count, caller: 'client_1', route: null, claimed: [] }] })).toHaveLength(
      findings,
    )
  })

  it('are separated by what unknown callers asked for', () => {
    const unknown = (route: string) => ({ ...group, count: 30, caller: null, route, claimed: [] })
    const found = applyReviewRules({
      ...nothing,
      refusals: [unknown('/oauth/token'), unknown('/v1/search'), unknown('/v1/search')],
    })
    expect(found.map(({ caller, count }) => [caller, count])).toEqual([
      [null, 30],
      [null, 60],
    ])
  })
})

it('of refusals says where they came from, and which clients the unknown claimed to be', () => {
  const hour = (sources: string[], claimed: string[]) => ({
    ...{ ...group, count: 30, caller: null, route: '/oauth/token' },
    sources,
    claimed,
  })
  const [found] = applyReviewRules({
    ...nothing,
    refusals: [hour(['192.0.2.9', '192.0.2.1'], ['client_b']), hour(['192.0.2.1'], ['client_a', 'client_b'])],
  })
  expect(found).toMatchObject({
    sources: ['192.0.2.1', '192.0.2.9'],
    claimed: ['client_a', 'client_b'],
    detail: 'an unknown caller was refused 60 times at /oauth/token, from 192.0.2.1 192.0.2.9, as client_a client_b',
  })
})

it('says what is new to a caller, and what is new of one who is', () => {
  const purpose = { ...group, caller: 'staff:Ann', purpose: 'marketing' }
  const detailOf = (isKnownCaller: boolean) =>
    applyReviewRules({ ...nothing, purposes: [{ ...purpose, isKnownCaller }] })[0]?.detail
  expect(detailOf(true)).toBe('revealed for marketing, and never before')
  expect(detailOf(false)).toBe('revealed for the first time: marketing')
})

it('finds what the log says of itself', () => {
  expect(namesOf({ waiting: group })).toEqual(['log-waiting'])
  expect(namesOf({ gaps: [group] })).toEqual(['log-gap'])
  expect(namesOf({ forged: group })).toEqual(['log-forged'])
  expect(namesOf({ unreviewed: [{ ...group, caller: 'staff:Ann' }] })).toEqual(['break-glass-unreviewed'])
})

it('says it once of each caller, from the first time to the last, with the first events', () => {
  const hour = (minute: number, id: string, caller = 'staff:Ann') =>
    reveal({
      caller,
      records: 40,
      count: 50,
      events: Array.from({ length: 8 }, (_, at) => `evt_${id}${at}`),
      first: new Date(AT.getTime() + minute * 60_000),
      last: new Date(AT.getTime() + (minute + 5) * 60_000),
    })
  const found = applyReviewRules({ ...nothing, reveals: [hour(60, 'b'), hour(0, 'a'), hour(0, 'c', 'staff:Bob')] })
  expect(found).toHaveLength(2)
  expect(found[0]).toEqual({
    id: expect.stringMatching(/^finding_[0-9a-z]{26}$/),
    acknowledged: null,
    rule: 'reveal-burst',
    severity: 'high',
    caller: 'staff:Ann',
    count: 100,
    detail: 'revealed 40 records in an hour; 4 are usual',
    first: '2026-11-24T10:15:00.000Z',
    last: '2026-11-24T11:20:00.000Z',
    sources: ['192.0.2.1'],
    events: ['evt_a0', 'evt_a1', 'evt_a2', 'evt_a3', 'evt_a4', 'evt_a5', 'evt_a6', 'evt_a7', 'evt_b0', 'evt_b1'],
  })
})

describe('the id of a finding', () => {
  const idsOf = (figures: Partial<ReviewFigures>) => applyReviewRules({ ...nothing, ...figures }).map(({ id }) => id)
  const refused = { ...group, count: 30, caller: null, route: '/oauth/token', claimed: [] }

  it('is the same when the review is over less of it, and another when more belongs to it', () => {
    const [whole] = idsOf({ refusals: [{ ...refused, first: new Date(AT.getTime() - 60_000) }] })
    const [part] = idsOf({ refusals: [{ ...refused, count: 25 }] })
    const [more] = idsOf({ refusals: [{ ...refused, last: new Date(AT.getTime() + 1) }] })
    expect(part).toBe(whole)
    expect(more).not.toBe(whole)
  })

  it('tells apart callers, rules and what unknown callers asked for', () => {
    const refusals = [refused, { ...refused, route: '/v1/search' }, { ...refused, caller: '/oauth/token', route: null }]
    const ids = [...idsOf({ refusals }), ...idsOf({ gaps: [group] }), ...idsOf({ waiting: group })]
    expect(new Set(ids).size).toBe(5)
  })
})

it('puts the gravest first', () => {
  const figures = { ...nothing, reveals: [reveal({ hour: 3, caller: 'staff:Bob' }), reveal({ records: 100, hour: 3 })] }
  expect(applyReviewRules(figures).map(({ severity }) => severity)).toEqual(['high', 'medium', 'medium'])
})

it('every rule has a sentence that a person reads', () => {
  for (const { sentence } of reviewRules) expect(sentence).toMatch(/^[a-z].{20,}/)
  expect(new Set(reviewRules.map(({ name }) => name)).size).toBe(reviewRules.length)
})
