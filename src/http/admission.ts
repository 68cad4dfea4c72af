import { Problem } from '../values/problem.ts'

/** How much is under way at once in this process. */
export interface AdmissionLimits {
  /** Requests in each of the rooms, before their caller is known. */
  requests?: number
  /** Requests of one caller. */
  requestsPerCaller?: number
  /** Bytes of bodies that have been read and not been answered. */
  bytes?: number
  bytesPerCaller?: number
}

/**
 * One process answers some 5,000 calls a second, so 1,024 at once are answered within 0.2 s, and 512 are more than any number
 * of servers has under way under one client id while the vault keeps up. A batch is as heavy as its body: 8 of the largest at
 * once for one caller, 16 in all, are more than two cores and the database work on.
 */
const LIMITS = {
  requests: 1024,
  requestsPerCaller: 512,
  bytes: 64 * 1024 * 1024,
  bytesPerCaller: 32 * 1024 * 1024,
} as const satisfies Required<AdmissionLimits>

/** Strangers have a room of their own at the calls that are public, so that many log-ins take no place from callers. */
export type Room = 'callers' | 'strangers'

/** The part of the room that one request takes. */
export interface Place {
  /** @throws {Problem} busy when the caller has too many requests under way */
  belongTo(caller: string): void
  /** Counts bytes of the body as they come. @throws {Problem} busy */
  take(bytes: number): void
  /** Gives everything back, once. */
  leave(): void
}

/** @returns a function that gives a place to a request; it throws {Problem} busy if there is none */
export function createAdmission(limits: AdmissionLimits = {}): (room: Room) => Place {
  const { requests, requestsPerCaller, bytes, bytesPerCaller } = { ...LIMITS, ...limits }
  const rooms = { callers: { requests: 0, bytes: 0 }, strangers: { requests: 0, bytes: 0 } }
  const callers = new Map<string, typeof rooms.callers>()

  return (room) => {
    const all = rooms[room]
    if (all.requests >= requests) throw new Problem('busy')
    all.requests++
    let taken = 0
    let owner: string | undefined
    let isOver = false
    const own = () => (owner === undefined ? undefined : callers.get(owner))
    return {
      belongTo(caller) {
        const theirs = callers.get(caller) ?? { requests: 0, bytes: 0 }
        if (theirs.requests >= requestsPerCaller) throw new Problem('busy')
        theirs.requests++
        callers.set(caller, theirs)
        owner = caller
      },
      take(more) {
        const theirs = own()
        if (isOver) return
        if (all.bytes + more > bytes || (theirs && theirs.bytes + more > bytesPerCaller)) throw new Problem('busy')
        taken += more
        all.bytes += more
        if (theirs) theirs.bytes += more
      },
      leave() {
        if (isOver) return
        isOver = true
        all.requests--
        all.bytes -= taken
        const theirs = own()
        if (owner === undefined || theirs === undefined) return
        theirs.requests--
        theirs.bytes -= taken
        if (theirs.requests === 0) callers.delete(owner)
      },
    }
  }
}
