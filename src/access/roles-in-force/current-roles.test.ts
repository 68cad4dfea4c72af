import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import type { Database, Queryable } from '../../database/database.ts'
import { roleSets, type StoredSet, setText } from '../applied-sets/applied-set.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { stateOf } from '../ledger/access-macs.ts'
import { ROLES_SUBJECT } from '../ledger/ledger-subject.ts'
import { createCurrentRoles } from './current-roles.ts'

const macOf = ({ revision, text }: { revision: number; text: string }) =>
  createHash('sha256').update(`${revision} ${text}`).digest()
const macs = { isOurs: async (set: StoredSet) => macOf(set).equals(set.mac) }

/** The roles of a vault whose database holds this one row, which its ledger names. */
function rolesOver(text: string) {
  const row = { revision: 1, text, mac: macOf({ revision: 1, text }), created_at: new Date() }
  const state = new Map([[ROLES_SUBJECT, stateOf(setText(roleSets, row))]])
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
