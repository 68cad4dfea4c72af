import type { Keys } from '../../keys/ring/keys.ts'
import type { ReferencingTables } from '../../keys/sealing/referencing-tables.ts'
import { digestFacts } from '../../keys/sealing/row-facts.ts'
import type { SealContext, Sealed } from '../../keys/sealing/seal-context.ts'
import { sealedTable } from '../../keys/sealing/sealed-table.ts'
import type { PrivacyRequest, RequestFacts } from './privacy-request.ts'
import type { StoredRequest } from './request-store.ts'

const PAD_BYTES = 256

type Bound = Pick<PrivacyRequest, 'id' | 'site' | 'version' | 'createdAt' | 'dueAt' | 'closedAt'>

/** A row cannot be moved to another id or site, its times cannot be changed, and an earlier state cannot be put beside later times. */
function requestContext({ id, site, version, createdAt, dueAt, closedAt }: Bound): SealContext {
  const facts = digestFacts(['privacy-request', Number(createdAt), Number(dueAt), closedAt ? Number(closedAt) : null])
  return { site, kind: 'privacy-request', token: id, part: 'facts', version, facts }
}

export function sealRequest(keys: Keys, request: PrivacyRequest): Sealed {
  const { id, site, version, createdAt, dueAt, closedAt, ...facts } = request
  const plaintext = Buffer.from(JSON.stringify(facts satisfies RequestFacts), 'utf8')
  const sealed = keys.seal('display', requestContext(request), plaintext, PAD_BYTES)
  plaintext.fill(0)
  return sealed
}

/** @throws {Problem} record-integrity for a row that was changed outside the vault */
export async function openRequest(
  keys: Pick<Keys, 'open'>,
  { facts, ...bound }: StoredRequest,
): Promise<PrivacyRequest> {
  const plaintext = await keys.open(facts, requestContext(bound))
  const opened = JSON.parse(plaintext.toString('utf8')) as RequestFacts
  plaintext.fill(0)
  return { ...opened, ...bound }
}

/** What shoppers' requests are for. */
export const requestTables: ReferencingTables = {
  sealed: [
    sealedTable('privacy_requests', {
      parts: { facts: 'display' },
      identity: { id: 'text' },
      unchanged: { version: 'integer' },
      described: ['site', 'created_at', 'due_at', 'closed_at'],
      context: (row) =>
        requestContext({
          id: row.id as string,
          site: row.site as string,
          version: row.version as number,
          createdAt: row.created_at as Date,
          dueAt: row.due_at as Date,
          closedAt: (row.closed_at as Date | null) ?? undefined,
        }),
    }),
  ],
  hashed: [],
}
