import type { components, paths } from './api.ts'

/** The types of the API by the names that methods use. */

type Path = keyof paths
type OperationOf<P extends Path, M extends 'get' | 'post' | 'patch'> = NonNullable<paths[P][M]>
type BodyOf<Operation> = Operation extends { requestBody?: { content: { 'application/json': infer Body } } }
  ? Body
  : never
type AnswerOf<Operation, Status extends number> = Operation extends {
  responses: Record<Status, { content: { 'application/json': infer Answer } }>
}
  ? Answer
  : never
type QueryOf<Operation> = Operation extends { parameters: { query?: infer Query } } ? NonNullable<Query> : never

type Post<P extends Path> = OperationOf<P, 'post'>
type Get<P extends Path> = OperationOf<P, 'get'>

export type Problem = components['schemas']['Problem']

export type Checkout = BodyOf<Post<'/v1/tokenize'>>
export type StoredCheckout = AnswerOf<Post<'/v1/tokenize'>, 201>
export type CheckoutResults = AnswerOf<Post<'/v1/tokenize/batch'>, 200>

export type MaskedRecord = AnswerOf<Get<'/v1/tokens/{token}'>, 200>
export type Correction = BodyOf<OperationOf<'/v1/tokens/{token}', 'patch'>>
export type EraseReason = BodyOf<Post<'/v1/tokens/{token}/erase'>>
export type Comparison = BodyOf<Post<'/v1/tokens/{token}/match'>>
export type Matched = AnswerOf<Post<'/v1/tokens/{token}/match'>, 200>
export type Search = BodyOf<Post<'/v1/search'>>
export type Found = AnswerOf<Post<'/v1/search'>, 200>

export type RevealRequest = BodyOf<Post<'/v1/tokens/{token}/reveal'>>
export type Release = AnswerOf<Post<'/v1/tokens/{token}/reveal'>, 200>
export type RevealManyRequest = BodyOf<Post<'/v1/reveal'>>
export type ReleaseResults = AnswerOf<Post<'/v1/reveal'>, 200>

export type ApprovalFilter = Omit<QueryOf<Get<'/v1/approvals'>>, 'after'>
export type ApprovalPage = AnswerOf<Get<'/v1/approvals'>, 200>
export type Approval = ApprovalPage['approvals'][number]
export type ApprovalDetails = AnswerOf<Get<'/v1/approvals/{approval}'>, 200>
export type ApprovalDecision = AnswerOf<Post<'/v1/approvals/{approval}/approve'>, 200>

export type EventFilter = Omit<QueryOf<Get<'/v1/audit/events'>>, 'after'>
export type EventPage = AnswerOf<Get<'/v1/audit/events'>, 200>
export type AuditEvent = EventPage['events'][number]
export type Receipt = AnswerOf<Get<'/v1/audit/events/{event}/receipt'>, 200>
export type MinimumIndex = AnswerOf<Get<'/v1/audit/minimum-index'>, 200>

export type Health = AnswerOf<Get<'/healthz'>, 200>
export type KeySet = AnswerOf<Get<'/.well-known/jwks.json'>, 200>
export type AuthorizationServer = AnswerOf<Get<'/.well-known/oauth-authorization-server'>, 200>
export type ProtectedResource = AnswerOf<Get<'/.well-known/oauth-protected-resource'>, 200>
