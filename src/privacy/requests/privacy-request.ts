import type { JurisdictionName, RequestKind } from './jurisdictions.ts'

export const requestStates = ['open', 'in-progress', 'done', 'refused'] as const

type RequestState = (typeof requestStates)[number]

/** Whether nothing of a request changes any more. */
export function isClosed(state: string): boolean {
  return state === 'done' || state === 'refused'
}

/** How the shop made sure that the shopper is who they say. */
export const identityMethods = ['signed-in', 'code-to-contact', 'document', 'in-person', 'other'] as const

interface IdentityProof {
  method: (typeof identityMethods)[number]
  /** When it was proved, RFC 3339. */
  at: string
  /** Who looked at it, as the shop names its people or programs. */
  by: string
}

/** What is sealed of a request. */
export interface RequestFacts {
  kind: RequestKind
  /** The shop's own reference for the shopper. */
  customer: string
  jurisdiction: JurisdictionName
  state: RequestState
  /** The caller that opened it. */
  openedBy: string
  identity?: IdentityProof | undefined
  /** The person who answers it. */
  assignee?: string | undefined
  note?: string | undefined
  /** Why it was refused, or is answered later. */
  reason?: string | undefined
  /** Whether the time was extended. */
  isExtended?: boolean | undefined
}

/** What a shopper asks for. */
export interface PrivacyRequest extends RequestFacts {
  id: string
  site: string
  /** Grows with each change. */
  version: number
  createdAt: Date
  /** Until when it must be answered. */
  dueAt: Date
  closedAt: Date | undefined
}

/** A request as an answer shows it. */
export function viewOf(request: PrivacyRequest, now: Date) {
  const { id, kind, customer, jurisdiction, state, identity, assignee, note, reason, createdAt, dueAt, closedAt } =
    request
  return {
    id,
    kind,
    customer,
    jurisdiction,
    state,
    ...(identity && { identity }),
    ...(assignee !== undefined && { assignee }),
    ...(note !== undefined && { note }),
    ...(reason !== undefined && { reason }),
    created_at: createdAt.toISOString(),
    due_at: dueAt.toISOString(),
    ...(closedAt && { closed_at: closedAt.toISOString() }),
    overdue: closedAt === undefined && dueAt <= now,
  }
}

export type RequestView = ReturnType<typeof viewOf>
