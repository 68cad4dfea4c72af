import type { Database, Queryable } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { tooMany } from './counter.ts'
import { deleteCount, type Limit } from './counter-store.ts'
import { createReservationBatches, type WindowState } from './reservation-batches.ts'

/** How long a request waits for others in flight, which may give back what it needs. */
const PATIENCE_MS = 5_000
/** How often it asks while the others are on other servers. */
const ASK_EVERY_MS = 50
/** How long a server refuses before it asks again. */
const ASK_AGAIN_MS = 5_000
/** Units that are unused for this long go back, so that another server can use them. */
const LOOK_EVERY_MS = 1_000
/** The last unit is kept longer, so that a caller with few requests does not cost a statement each time. */
const KEEP_LAST_FOR_LOOKS = 30

/** Units of a limit that were taken before the work. They count until `settle` says how many do. */
export interface Reservation {
  /** Call it once, before the answer leaves. Undefined if the window has ended. */
  settle(counted: number): Promise<WindowState | undefined>
}

export interface Reservations {
  /**
   * Takes units before the work that may use them up. While others in flight hold what is missing it waits for them: they
   * may give it back.
   *
   * @throws {Problem} too-many-requests when so much has counted; busy when what is in flight does not end
   */
  reserve(name: string, units?: number): Promise<Reservation>
  /** @throws {Problem} too-many-requests, for a name that this server knows to be over the limit */
  check(name: string): void
  /** Begins the count of a name again, on every server within seconds. False when nothing has counted. */
  forget(tx: Queryable, name: string): Promise<boolean>
  /** Gives back what this server keeps and does not use. Call it when the last request has been answered. */
  close(): Promise<void>
}

interface State {
  /** The window that the units of this state were reserved in. */
  endsAt: number
  /** Reserved in the database and not in use. */
  free: number
  inFlight: number
  /** Requests that wait, ask or are in flight: the state is theirs. */
  users: number
  queue: Waiting[]
  /** The limit is reached until then, as the database said when this server asked last. */
  closedUntil: number
  /** Until then requests are refused without asking again; afterwards an operator may have lifted it. */
  refusesUntil: number
  /** The most in flight since the last look for idle units. */
  peak: number
  idleLooks: number
}

interface Waiting {
  units: number
  /** With undefined the next request asks the database again. */
  wake: (reservation: Reservation | undefined) => void
  fail: (problem: Problem) => void
}

export interface ReservationDeps {
  database: Database
  now: () => Date
  /** What is stored for a name. */
  keyOf: (name: string) => Promise<string>
}

/**
 * A limit that cannot be outrun: what is in flight on any server is reserved in the database before its work begins, so
 * answers that count never exceed the limit.
 *
 * @param options `keepsFree`: what did not count stays reserved for this server for a while, so that a steady caller whose
 *   requests never count costs no statement
 */
export function createReservations(
  deps: ReservationDeps,
  limit: Limit,
  { keepsFree = false }: { keepsFree?: boolean } = {},
): Reservations {
  const states = new Map<string, State>()
  const { ask, settleUp } = createReservationBatches(deps, limit)
  let isLookDue = false

  function begin(name: string, state: State, units: number): Reservation {
    const { endsAt } = state
    state.free -= units
    state.inFlight += units
    state.peak = Math.max(state.peak, state.inFlight)
    return { settle: (counted) => settle(name, state, { units, counted, endsAt }) }
  }

  /** Takes units, or queues for them; undefined when the request that holds the turn may ask again. */
  async function attempt(name: string, state: State, units: number): Promise<Reservation | undefined> {
    checkOpen(state)
    if (deps.now().getTime() >= state.endsAt) state.free = 0
    if (state.free >= units) return begin(name, state, units)
    const wanted = units - state.free
    const { granted, points, endsAt } = await ask({ key: await deps.keyOf(name), wanted })
    if (endsAt > state.endsAt) {
      state.endsAt = endsAt
      state.free = 0
    }
    if (endsAt === state.endsAt) state.free += granted
    if (granted === wanted) return undefined
    if (points >= limit.most) {
      close(state, endsAt)
      checkOpen(state)
    }
    // The limit does not leave that many units, even if all others are given back.
    if (points + units > limit.most) throw tooMany(endsAt, deps.now())
    if (state.inFlight > 0) return enqueue(state, units)
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
    return undefined
  }

  function enqueue(state: State, units: number): Promise<Reservation | undefined> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(patience)
        state.queue = state.queue.filter((one) => one !== waiting)
      }
      const waiting: Waiting = {
        units,
        wake(reservation) {
          leave()
          resolve(reservation)
        },
        fail(problem) {
          leave()
          reject(problem)
        },
      }
      const patience = setTimeout(() => waiting.fail(new Problem('busy')), PATIENCE_MS)
      state.queue.push(waiting)
    })
  }

  async function settle(
    name: string,
    state: State,
    { units, counted, endsAt }: { units: number; counted: number; endsAt: number },
  ): Promise<WindowState | undefined> {
    state.inFlight -= units
    let released = units
    if (state.endsAt === endsAt) {
      state.free += units - counted
      for (let next = state.queue[0]; next && next.units <= state.free; next = state.queue[0]) {
        next.wake(begin(name, state, next.units))
      }
      released = keepsFree ? counted : counted + state.free
      if (!keepsFree) state.free = 0
    }
    try {
      if (released === 0) return undefined
      const standing = await settleUp({ key: await deps.keyOf(name), released, counted, endsAt })
      if (standing !== undefined && standing.points >= limit.most) close(state, standing.endsAt)
      return standing
    } finally {
      leave(name, state)
    }
  }

  /** The last request hands the turn to the next that waits, or removes the state. */
  function leave(name: string, state: State): void {
    state.users--
    if (state.inFlight === 0) state.queue[0]?.wake(undefined)
    if (keepsFree) lookLater()
    else if (state.users === 0) states.delete(name)
  }

  function close(state: State, until: number): void {
    state.closedUntil = until
    state.refusesUntil = Math.min(until, deps.now().getTime() + ASK_AGAIN_MS)
    for (const { fail } of state.queue) fail(tooMany(until, deps.now()))
  }

  function checkOpen({ closedUntil, refusesUntil }: State): void {
    const now = deps.now()
    if (now.getTime() < refusesUntil) throw tooMany(closedUntil, now)
  }

  function lookLater(): void {
    if (!isLookDue) setTimeout(lookForIdle, LOOK_EVERY_MS).unref()
    isLookDue = true
  }

  /** Gives back what was not in use since the last look, and forgets what no request waits for. */
  function lookForIdle(): void {
    isLookDue = false
    const now = deps.now().getTime()
    for (const [name, state] of states) {
      state.idleLooks = state.peak > 0 ? 0 : state.idleLooks + 1
      const needed = Math.max(state.peak, state.idleLooks < KEEP_LAST_FOR_LOOKS ? 1 : 0)
      state.peak = state.inFlight
      const released =
        now < state.endsAt ? Math.max(0, Math.min(state.free, state.free + state.inFlight - needed)) : state.free
      state.free -= released
      if (released > 0 && now < state.endsAt) void giveBack(name, released, state.endsAt)
      if (state.users === 0 && state.free === 0 && now >= state.refusesUntil) states.delete(name)
    }
    if (states.size > 0) lookLater()
  }

  async function giveBack(name: string, released: number, endsAt: number): Promise<void> {
    try {
      await settleUp({ key: await deps.keyOf(name), released, counted: 0, endsAt })
    } catch {
      // Units that cannot be given back now count until their window ends.
    }
  }

  return {
    async reserve(name, units = 1) {
      let state = states.get(name)
      if (state === undefined) {
        state = newState()
        states.set(name, state)
      }
      state.users++
      try {
        const givesUpAt = performance.now() + PATIENCE_MS
        let reservation = state.queue.length > 0 ? await enqueue(state, units) : undefined
        while (reservation === undefined) {
          if (performance.now() > givesUpAt) throw new Problem('busy')
          reservation = await attempt(name, state, units)
        }
        return reservation
      } catch (error) {
        leave(name, state)
        throw error
      }
    },
    check(name) {
      const state = states.get(name)
      if (state !== undefined) checkOpen(state)
    },
    async forget(tx, name) {
      return deleteCount(tx, limit, await deps.keyOf(name))
    },
    async close() {
      const now = deps.now().getTime()
      const kept = [...states].filter(([, { free, endsAt }]) => free > 0 && now < endsAt)
      await Promise.all(kept.map(([name, { free, endsAt }]) => giveBack(name, free, endsAt)))
      states.clear()
    },
  }
}

function newState(): State {
  return {
    endsAt: 0,
    free: 0,
    inFlight: 0,
    users: 0,
    queue: [],
    closedUntil: 0,
    refusesUntil: 0,
    peak: 0,
    idleLooks: 0,
  }
}
