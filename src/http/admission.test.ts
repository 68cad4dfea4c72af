import { describe, expect, it } from 'vitest'
import { createAdmission } from './admission.ts'

const BUSY = expect.objectContaining({ code: 'busy', kind: 'unavailable' })

describe('createAdmission', () => {
  it('takes so many requests at once, and another when one has left', () => {
    const enter = createAdmission({ requests: 2 })
    const first = enter('callers')
    enter('callers')
    expect(() => enter('callers')).toThrow(BUSY)
    first.leave()
    enter('callers')
    expect(() => enter('callers')).toThrow(BUSY)
  })

  it('limits one caller, whatever others have under way', () => {
    const enter = createAdmission({ requestsPerCaller: 2 })
    const places = [enter('callers'), enter('callers'), enter('callers')]
    places[0]!.belongTo('a')
    places[1]!.belongTo('a')
    expect(() => places[2]!.belongTo('a')).toThrow(BUSY)
    places[2]!.leave()
    enter('callers').belongTo('b')
    places[0]!.leave()
    enter('callers').belongTo('a')
    expect(() => enter('callers').belongTo('a')).toThrow(BUSY)
  })

  it('counts the bytes of bodies: of one caller, and of all', () => {
    const enter = createAdmission({ bytes: 100, bytesPerCaller: 60 })
    const [mine, more, theirs] = [enter('callers'), enter('callers'), enter('callers')]
    mine.belongTo('a')
    more.belongTo('a')
    theirs.belongTo('b')
    mine.take(50)
    more.take(10)
    expect(() => more.take(1)).toThrow(BUSY)
    theirs.take(40)
    expect(() => theirs.take(1)).toThrow(BUSY)
    mine.leave()
    more.take(50)
    expect(() => more.take(1)).toThrow(BUSY)
  })

  it('keeps strangers and callers apart', () => {
    const enter = createAdmission({ requests: 1 })
    enter('strangers')
    expect(() => enter('strangers')).toThrow(BUSY)
    enter('callers')
    expect(() => enter('callers')).toThrow(BUSY)
  })

  it('gives back once, however often a request leaves', () => {
    const enter = createAdmission({ requests: 2, bytes: 10 })
    const place = enter('callers')
    place.take(10)
    place.leave()
    place.leave()
    const [first] = [enter('callers'), enter('callers')]
    expect(() => enter('callers')).toThrow(BUSY)
    first!.take(10)
    expect(() => first!.take(1)).toThrow(BUSY)
  })

  it('counts nothing for a request that was answered while its body still came', () => {
    const enter = createAdmission({ bytes: 10 })
    const place = enter('callers')
    place.leave()
    place.take(100)
    enter('callers').take(10)
  })
})
