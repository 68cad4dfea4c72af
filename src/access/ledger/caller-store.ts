import { textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'
import { opaqueArray } from '../../database/opaque-array.ts'
import { nearestTime } from '../../database/read-time.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { Caller, Partnership } from '../policy/caller.ts'
import type { EncryptionJwkSet } from '../policy/encryption-jwk.ts'
import { foldedId, staffId } from '../policy/person.ts'
import { LEDGER_HEAD } from './access-ledger-store.ts'
import { POLICIES_REVISION } from './policy-rows-store.ts'

/** A contract as it is: `endsAt` is its end, or when an operator ended it earlier, in milliseconds. */
export interface ContractStatus extends Partnership {
  endsAt: number
  ends_at: Date
  keys: EncryptionJwkSet | null
  mac: Buffer | null
}

/** What the tables say of a caller now. */
export interface StoredCallerStatus {
  /** A client that exists and was not revoked, or a member of staff who was not disabled. */
  isLive: boolean
  isSuspended: boolean
  /** The third party that the client belongs to. The MAC of the contract proves that the vault wrote it. */
  partner: ContractStatus | undefined
  /** The revision of the roles in force. */
  rolesRevision: number
  /** Names the set of privacy policies. */
  policies: string
}

const SELECT_VERSION: Statement = { name: 'select-access-version', text: 'SELECT version FROM access_version' }

/** Changes with everything that a status is made of; it commits together with the change. */
export async function selectAccessVersion(db: Queryable): Promise<string> {
  const [row] = await db.query<{ version: string }>(SELECT_VERSION)
  if (row === undefined) throw new VaultError('access_version has lost its row')
  return row.version
}

const CLIENTS = opaqueArray('$1::text[]')
const CALLERS = opaqueArray('$2::text[]')
const FOLDED = opaqueArray('$3::text[]')
const SELECT_STANDINGS: Statement = {
  name: 'select-caller-statuses',
  text: `SELECT
    (SELECT version FROM access_version) AS version,
    (${LEDGER_HEAD}) AS ledger,
    (SELECT coalesce(max(revision), 0) FROM role_sets) AS revision,
    (${POLICIES_REVISION}) AS policies,
    ARRAY(SELECT id FROM clients WHERE id = ANY(${CLIENTS}) AND revoked_at IS NULL) AS live,
    ARRAY(SELECT id FROM disabled_staff WHERE folded = ANY(${FOLDED})) AS disabled,
    ARRAY(SELECT caller FROM suspended_callers WHERE caller = ANY(${CALLERS}) OR starts_with(caller, 'staff:')) AS suspended,
    (SELECT json_agg(json_build_object('client', c.client, 'id', p.id, 'purposes', p.purposes, 'fields', p.fields, 'keys', p.keys,
                                      'endsAt', extract(epoch FROM least(p.ends_at, p.ended_at)) * 1000,
                                      'ends_at', extract(epoch FROM p.ends_at) * 1000, 'mac', encode(p.mac, 'hex')))
     FROM partner_clients c JOIN partners p ON p.id = c.partner WHERE c.client = ANY(${CLIENTS})) AS partners`,
}

interface CallerStatusRow {
  version: string | null
  ledger: string | null
  revision: number
  policies: string
  live: string[]
  disabled: string[]
  suspended: string[]
  partners: (Omit<ContractStatus, 'ends_at' | 'mac'> & { client: string; ends_at: number; mac: string | null })[] | null
}

/** The status of each of the callers, at which version of all that it is made of, and at which head of the ledger. */
export async function selectCallerStatuses(
  db: Queryable,
  callers: readonly Pick<Caller, 'id' | 'kind'>[],
): Promise<{ version: string; ledger: string | null; callerStatuses: StoredCallerStatus[] }> {
  const clients = callers.filter(({ kind }) => kind === 'client').map(({ id }) => id)
  const [row] = await db.query<CallerStatusRow>(SELECT_STANDINGS, [
    textArray([...new Set(clients)]),
    textArray([...new Set(callers.map(({ id }) => id))]),
    textArray([...new Set(callers.map(({ id }) => foldedId(id)))]),
  ])
  if (row?.version == null) throw new VaultError('access_version has lost its row')
  const live = new Set(row.live)
  const disabled = new Set(row.disabled.map(foldedId))
  const partners = new Map(
    (row.partners ?? []).map(({ client, ends_at, mac, ...partner }) => [
      client,
      { ...partner, ends_at: nearestTime(Number(ends_at)), mac: mac === null ? null : Buffer.from(mac, 'hex') },
    ]),
  )
  const suspended = new Set(row.suspended.map(staffId))
  const callerStatuses = callers.map(({ id, kind }) => ({
    isLive: kind === 'client' ? live.has(id) : !disabled.has(foldedId(id)),
    isSuspended: suspended.has(id),
    partner: kind === 'client' ? partners.get(id) : undefined,
    rolesRevision: row.revision,
    policies: row.policies,
  }))
  return { version: row.version, ledger: row.ledger, callerStatuses }
}
