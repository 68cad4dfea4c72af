import type { AccessLedger } from '../access/ledger/access-ledger.ts'
import { selectLedgerHead } from '../access/ledger/access-ledger-store.ts'
import { isRecorded, policiesText } from '../access/ledger/access-macs.ts'
import type { AccessState } from '../access/ledger/ledger-chain.ts'
import { POLICIES_SUBJECT } from '../access/ledger/ledger-subject.ts'
import { type StoredPolicy, selectPoliciesRevision, selectStoredPolicies } from '../access/ledger/policy-rows-store.ts'
import type { Database, Queryable } from '../database/database.ts'
import type { Alert } from '../observability/alert.ts'
import { Problem } from '../values/problem.ts'
import { distrustedSet, type PolicySet, policySet } from './policy.ts'
import { parsePolicyFile } from './policy-file.ts'

export interface CurrentPoliciesDeps {
  database: Database
  ledger: Pick<AccessLedger, 'settle'>
  alert: Alert
}

/**
 * The published versions of the privacy policy, in the memory of this process. As with roles, the caller says which revision of the
 * set the database holds now; if memory has another one, the set is read and compared with the ledger of access first. So a change
 * holds on every server from its next request on.
 */
export interface CurrentPolicies {
  /** @param revision left out: the one that the database has now. @throws {Problem} sealed, database-unavailable */
  at(revision: string | undefined): Promise<PolicySet>
  /** Reads the set, even if it is in memory. @throws {Problem} sealed, database-unavailable */
  refresh(db?: Queryable): Promise<PolicySet>
}

/**
 * A row that was changed, removed, added or put back outside the vault makes the whole set one that notifies no purpose: a policy that
 * is missing may be the one that says less. It is an alert, and ends when the rows are as the ledger says again.
 */
export function createCurrentPolicies({ database, ledger, alert }: CurrentPoliciesDeps): CurrentPolicies {
  let current: PolicySet | undefined
  let last: Promise<unknown> = Promise.resolve()
  let alerted: string | undefined

  function distrust(revision: string, reason: string): PolicySet {
    const name = `${revision} ${reason}`
    if (alerted !== name) alert('policies-changed', { reason })
    alerted = name
    return distrustedSet(revision)
  }

  function verified(revision: string, rows: readonly StoredPolicy[], state: AccessState): PolicySet {
    const isNamed =
      rows.length === 0 ? !state.has(POLICIES_SUBJECT) : isRecorded(POLICIES_SUBJECT, policiesText(rows), state)
    if (!isNamed) return distrust(revision, 'the versions are not those that were published')
    try {
      const published = rows.map(publishedPolicy)
      alerted = undefined
      return policySet(revision, published, adoptedOf(rows))
    } catch (error) {
      // Published by a version that accepted what this one does not: no request is to blame.
      if (error instanceof Problem) return distrust(revision, 'a version does not fit this version of the vault')
      throw error
    }
  }

  /** One after the other: an answer that was overtaken would take the place of a newer one. */
  function inTurn(read: () => Promise<PolicySet>): Promise<PolicySet> {
    const next = last.then(read)
    last = next.catch(() => {})
    return next
  }

  async function read(db: Queryable): Promise<PolicySet> {
    const { answer, state } = await ledger.settle(
      // The revision comes first: if the rows change in between, the next caller reads them again.
      async () => ({
        revision: await selectPoliciesRevision(db),
        rows: await selectStoredPolicies(db),
        ledger: await selectLedgerHead(db),
      }),
      db,
    )
    current = verified(answer.revision, answer.rows, state)
    return current
  }

  return {
    async at(revision) {
      const wanted = revision ?? (await selectPoliciesRevision(database))
      if (current?.revision === wanted) return current
      return inTurn(async () => (current?.revision === wanted ? current : read(database)))
    },
    refresh: (db = database) => inTurn(() => read(db)),
  }
}

/** The set as the rows say, for a reader without keys. A row that does not fit this version is left out. */
export async function readUnverified(db: Queryable): Promise<PolicySet> {
  const rows = await selectStoredPolicies(db)
  const published = rows.flatMap((row) => {
    try {
      return [publishedPolicy(row)]
    } catch (error) {
      if (error instanceof Problem) return []
      throw error
    }
  })
  return policySet('unverified', published, adoptedOf(rows))
}

function publishedPolicy({ document, published_at }: StoredPolicy) {
  const { policy, text, sha256 } = parsePolicyFile(document)
  return { ...policy, text, sha256, publishedAt: published_at }
}

/** The one that was adopted last. */
function adoptedOf(rows: readonly StoredPolicy[]): string | undefined {
  const adopted = rows.filter(({ adopted_at }) => adopted_at !== null)
  return adopted.toSorted((one, other) => Number(other.adopted_at) - Number(one.adopted_at))[0]?.version
}
