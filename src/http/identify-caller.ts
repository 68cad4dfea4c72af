import type { IncomingMessage } from 'node:http'
import type { Problem } from '../values/problem.ts'
import type { Place, Room } from './admission.ts'
import { type RefusesCertificate, requestCredentials } from './request-credentials.ts'
import type { RequestCredentials } from './route.ts'
import type { Source } from './source/source.ts'

interface IdentifyOptions<C> {
  publicUrl: string
  refusesCertificate: RefusesCertificate
  /** @throws {Problem} unauthenticated */
  authenticate: (request: RequestCredentials) => Promise<C>
  /** @throws {Problem} unauthenticated */
  proveCaller: (caller: C) => Promise<void>
  closedBecause: () => Problem | undefined
}

/**
 * The sender of a request that is refused before a route has asked for a token, for the event of the refusal.
 *
 * @param trace gets a place among the callers, since a signature costs time
 * @returns undefined without a valid token
 */
export async function identifyCaller<C>(
  request: IncomingMessage,
  trace: { source: Source; place?: Place },
  enter: (room: Room) => Place,
  { publicUrl, refusesCertificate, authenticate, proveCaller, closedBecause }: IdentifyOptions<C>,
): Promise<C | undefined> {
  if (request.headers.authorization === undefined || closedBecause() !== undefined) return undefined
  try {
    trace.place ??= enter('callers')
    const caller = await authenticate(requestCredentials(request, publicUrl, trace.source, refusesCertificate))
    await proveCaller(caller)
    return caller
  } catch {
    return undefined
  }
}
