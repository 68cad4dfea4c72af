import { z } from 'zod'
import type { SessionLimit } from '../access/limits/session-limit.ts'
import type { Caller } from '../access/policy/caller.ts'
import { type Route, type RouteRequest, route } from '../http/route.ts'
import type { VisitCounter } from '../privacy/visits/visit-counter.ts'
import { VISITS_PATH } from './count-view.ts'

const endSchema = z
  .strictObject({
    page: z.enum(['hosted', 'framed']),
    seconds: z.number().min(0).max(86_400),
    exit: z.enum(['stored', 'left']),
  })
  .meta({ id: 'EndOfVisit', description: 'How a visit of a page ended' })

/** Takes the ends of visits, where visits are counted. It learns nothing of who it was, and keeps counts alone. */
export function createVisitRoutes({
  visits,
  sessions,
}: {
  visits: VisitCounter | undefined
  sessions: SessionLimit
}): Route<Caller>[] {
  if (visits === undefined) return []
  return [
    route<Caller, z.output<typeof endSchema>>({
      method: 'POST',
      path: VISITS_PATH,
      operationId: 'endVisit',
      tag: 'Checkout',
      summary: 'Takes from a page of the vault how long it was open and how it ended; it is counted only',
      access: 'public',
      audited: false,
      limit: ({ source }) => sessions.report(source.network),
      problems: ['too-many-requests'],
      body: endSchema,
      responses: { 204: { description: 'counted' } },
      handle: ({ body }: RouteRequest<Caller, z.output<typeof endSchema>>) => {
        visits.ended(body)
        return { status: 204 }
      },
    }),
  ]
}
