import type { Response } from 'supertest'
import { expect } from 'vitest'
import { welchT } from './welch.ts'

/** For tries under load: what is really slower is slower each time. */
const TRIES = 3
/** How many standard errors between two means are no accident; usual for leaks by time (TVLA, ISO/IEC 17825). */
export const SEPARATED = 4.5

type Ask = () => Promise<Response>

/** Two kinds of request get the same status, in times that a statistical test cannot tell apart. */
export async function expectSameTime(one: Ask, other: Ask, { status, rounds }: { status: number; rounds: number }) {
  const found: number[] = []
  while (found.length < TRIES && (found.at(-1) ?? Number.POSITIVE_INFINITY) >= SEPARATED) {
    found.push(await separation(one, other, status, rounds))
  }
  expect(found.at(-1), found.join(' ')).toBeLessThan(SEPARATED)
}

/** The two take turns, so that a slow machine slows both. */
async function separation(one: Ask, other: Ask, status: number, rounds: number): Promise<number> {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    for (const [at, request] of (round % 2 ? [one, other] : [other, one]).entries()) {
      const startedAt = performance.now()
      expect((await request()).status).toBe(status)
      times[round % 2 ? at : 1 - at]!.push(performance.now() - startedAt)
    }
  }
  return Math.abs(welchT(...times))
}
