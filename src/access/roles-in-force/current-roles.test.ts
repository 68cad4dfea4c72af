import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import type { Database, Queryable } from '../../database/database.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { stateOf } from '../ledger/access-macs.ts'
import { ROLES_SUBJECT } from '../ledger/ledger-subject.ts'
import { createCurrentRoles, roleSetText } from './current-roles.ts'
import type { StoredRoleSet } from './role-set-store.ts'

const macOf = ({ revision, roles }: { revision: number; roles: string }) =>
  createHash('sha256').update(`${revision} ${roles}`).digest()
const macs = { isOurs: async (set: StoredRoleSet) => macOf(set).equals(set.mac) }

/** The roles of a vault whose database holds this one row, which its ledger names. */
function rolesOver(roles: string) {
  const row = { revision: 1, roles, mac: macOf({ revision: 1, roles }), created_at: new Date() }
  const state = new Map([[ROLES_SUBJECT, stateOf(roleSetText(row))]])
  const ledger: Pick<AccessLedger, 'settle'> = { settle: async (read) => ({ answer: await read(), state }) }
  const queryable: Queryable = { query: async <Row>() => [row] as Row[], dictionary: noDictionary }
  const alerts: unknown[] = []
  const alert = (...raised: unknown[]) => void alerts.push(raised)
  return { current: createCurrentRoles({ database: queryable as Database, macs, ledger, alert }), alerts }
}

it('uses a set under its MAC', async () => {
  const roles = { shop: { duty: 'Stores.', scopes: ['tokenize'], grants: [] } }
  const { current, alerts } = rolesOver(JSON.stringify({ format: 1, roles }))
  expect([...(await current.at(1)).roles.keys()]).toEqual(['shop'])
  expect(alerts).toEqual([])
})

it('distrusts a set under its MAC that this version cannot read, and blames no request for it', async () => {
  const { current, alerts } = rolesOver(
    JSON.stringify({ format: 1, roles: { shop: { duties: 'of another version' } } }),
  )
  expect(await current.at(1)).toMatchObject({ distrusted: true })
  expect((await current.at(1)).roles.size).toBe(0)
  expect(alerts).toEqual([['roles-changed', { revision: 1, reason: 'the newest revision does not fit this version' }]])
})
