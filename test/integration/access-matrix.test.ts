import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Purpose, purposes } from '../../src/access/policy/purpose.ts'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import { type RoleName, roleNames, type Scope, scopes } from '../../src/access/policy/roles.ts'
import type { KindName } from '../../src/kinds/registry.ts'
import { callBound } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey } from '../support/caller-keys.ts'
import { createForge, type Forge } from '../support/forged-token.ts'
import { expectProblem } from '../support/problems.ts'
import { cards, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { withoutIds } from '../support/without-ids.ts'

/** Every field of each kind, as it must come out; each value occurs nowhere else. */
const DATA = {
  card: { number: cards.visa, exp_month: 12, exp_year: 2031, holder_name: 'Tan M L, cardholder' },
  address: {
    name: 'Tan M L, addressee',
    company: 'Tan Trading',
    line1: person.line1,
    line2: person.line2,
    district: 'Downtown Core',
    city: 'Singapore City',
    region: 'Central Region',
    postal_code: person.postalCode,
    country: 'SG',
    phone: '6123 4567',
    phone_e164: '+6561234567',
    instructions: person.instructions,
  },
  contact: { name: 'Tan M L, shopper', email: person.email, phone: '+65 6987 6543', phone_e164: '+6569876543' },
} as const satisfies Record<KindName, Record<string, string | number>>

const kinds = Object.keys(DATA) as KindName[]
const cells = kinds.flatMap((kind) => Object.entries(DATA[kind]).map(([field, value]) => ({ kind, field, value })))

let vault: TestVault
let tokens: Record<KindName, string>
let forge: Forge
let key: CallerKey

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  await vi.waitUntil(async () => (await vault.count('audit_head')) > 0)
  forge = await createForge(vault)
  key = await createCallerKey()
  const { phone_e164: _a, ...address } = DATA.address
  const { phone_e164: _c, ...contact } = DATA.contact
  // Consents to everything, so that only the table decides.
  const body = { card: DATA.card, billing_address: address, contact, consents: [...purposes] }
  const parts = await vault.tokenize(body)
  tokens = { card: parts.card!.token!, address: parts.billing_address!.token!, contact: parts.contact!.token! }
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** How a caller calls: with which token, and whether that one is good enough for a card number. */
interface Asking {
  held: readonly Scope[]
  isOwners: boolean
  post: (path: string, body: object) => Promise<Response>
}

const asStaff = async (role: RoleName): Promise<Asking> => {
  const token = await vault.staffToken(role)
  return { held: roleOf(role).scopes, isOwners: true, post: (path, body) => vault.call('POST', path, { token, body }) }
}

/** What a release in the name of the law must say; for every other purpose it changes nothing. */
const why = { ticket: 'WARRANT-12', authority: 'State Courts' }

/** What the table says of one cell: the code of the refusal, or undefined when it is granted. */
function refusalOf(role: RoleName, { held, isOwners }: Asking, purpose: Purpose, kind: KindName, field: string) {
  const row = roleOf(role)
  const scope: Scope = `${kind}:reveal`
  if (!held.includes(scope)) return 'scope-missing'
  const fields = row.reveals[kind] ?? []
  if (!row.scopes.includes(scope) || !row.purposes.includes(purpose) || fields.length === 0) {
    return 'purpose-not-permitted'
  }
  if (!fields.includes(field)) return 'fields-not-permitted'
  if (kind === 'card' && fields.includes('number') && !isOwners) return 'unauthenticated'
  return purpose === 'legal-compliance' ? 'approval-required' : undefined
}

/**
 * Asks for every field of every kind separately, in one request for each purpose, and compares each cell with the
 * table.
 */
async function checkReveals(role: RoleName, asking: Asking): Promise<number> {
  let granted = 0
  const check = async (purpose: Purpose) => {
    const items = cells.map(({ kind, field }) => ({ token: tokens[kind], fields: [field] }))
    const response = await asking.post('/v1/reveal', { purpose, ...why, items })
    const expected = cells.map(({ kind, field }) => refusalOf(role, asking, purpose, kind, field))
    if (!asking.held.some((scope) => scope.endsWith(':reveal'))) {
      expectProblem(response, 403, 'scope-missing')
    } else {
      expect(response.status, response.text).toBe(200)
      const shown = response.body.results.map(({ status, code, data }: Record<string, unknown>) => ({
        status,
        code,
        data,
      }))
      expect(shown, `${role} for ${purpose}`).toEqual(
        cells.map(({ field, value }, at) =>
          expected[at] === undefined
            ? { status: 200, data: { [field]: value } }
            : { status: expected[at] === 'unauthenticated' ? 401 : 403, code: expected[at], data: undefined },
        ),
      )
    }
    const text = withoutIds(response.text)
    for (const [at, { value }] of cells.entries()) {
      if (expected[at] === undefined) granted++
      else if (String(value).length > 4) expect(text, `${role} for ${purpose}`).not.toContain(String(value))
    }
  }
  await Promise.all(purposes.map(check))
  return granted
}

describe('every role for every purpose', () => {
  it.each(roleNames)('%s: staff are shown exactly the fields that the table grants', async (role) => {
    const { reveals, purposes: granted } = roleOf(role)
    const shown = await checkReveals(role, await asStaff(role))
    const fields = Object.values(reveals).flat().length
    expect(shown).toBe(fields * granted.filter((purpose) => purpose !== 'legal-compliance').length)
  })

  it.each(roleNames)('%s: all granted fields at once, when none is named', async (role) => {
    const { post } = await asStaff(role)
    for (const purpose of roleOf(role).purposes) {
      for (const kind of kinds) {
        const response = await post(`/v1/tokens/${tokens[kind]}/reveal`, { purpose, ...why })
        const granted = roleOf(role).reveals[kind]
        if (granted === undefined) expect(response.status).toBe(403)
        else if (purpose === 'legal-compliance') expectProblem(response, 403, 'approval-required')
        else expect(Object.keys(response.body.data).sort()).toEqual([...granted].sort())
      }
    }
  })

  it.each(roleNames)(
    '%s: a client with one scope sees that kind at most, and never more than its role',
    async (role) => {
      const { id } = await vault.client([], { role })
      const { purposes: named } = roleOf(role)
      for (const held of [['card:reveal'], ['address:reveal'], ['contact:reveal'], [...scopes]] as Scope[][]) {
        // Even a token that the vault has signed for more scopes than the role has: the role still decides.
        const claims = { sub: id, client_id: id, caller_kind: 'client', role, purposes: named, scope: held.join(' ') }
        const sign = (more: object) => forge.sign(forge.header(), forge.claims({ ...claims, ...more }))
        const [bearer, bound] = [sign({}), sign({ cnf: { jkt: key.thumbprint } })]
        const byBearer = (path: string, body: object) => vault.call('POST', path, { token: bearer, body })
        const byOwner = (path: string, body: object) => callBound(vault, 'POST', path, { token: bound, key }, { body })
        await checkReveals(role, { held, isOwners: false, post: byBearer })
        await checkReveals(role, { held, isOwners: true, post: byOwner })
      }
    },
  )

  it('no role: a client that has every scope is shown nothing', async () => {
    const bearer = await vault.clientToken(scopes)
    for (const purpose of purposes) {
      const items = kinds.map((kind) => ({ token: tokens[kind] }))
      const response = await vault.call('POST', '/v1/reveal', { token: bearer, body: { purpose, items } })
      for (const result of response.body.results) {
        expect(result).toMatchObject({ status: 403, code: 'purpose-not-permitted' })
      }
    }
  })
})

describe('the table itself', () => {
  it('shows a card number to billing and legal only, and no data to who runs the vault', () => {
    const rows = roleNames.map((role) => ({ role, reveals: roleOf(role).reveals }))
    const seeNumbers = rows.filter(({ reveals }) => reveals.card?.includes('number')).map(({ role }) => role)
    expect(seeNumbers).toEqual(['billing', 'legal'])
    const seeNothing = rows.filter(({ reveals }) => Object.keys(reveals).length === 0).map(({ role }) => role)
    expect(seeNothing).toEqual(['checkout', 'storefront', 'payments', 'auditor', 'key-custodian', 'admin'])
    expect(roleOf('admin').scopes).toEqual([])
    expect(roleOf('key-custodian').scopes).toEqual([])
  })
})

type Route = Awaited<ReturnType<TestVault['routes']>>[number]

describe('every scope over every route', () => {
  async function checkRoutes(held: readonly Scope[], bearer: string): Promise<void> {
    const check = async ({ method, path, access }: Route) => {
      if (access === 'public') return
      const url = path.replace(':token', 'nonsense')
      const body = method === 'GET' || method === 'DELETE' ? undefined : {}
      const response = await vault.call(method, url, { token: bearer, body })
      const isOpen = access.some((scope) => (held as readonly string[]).includes(scope))
      // Past the scope the request meets its own faults: an unknown token, an empty body.
      if (isOpen) expect([200, 404, 422], `${method} ${path}`).toContain(response.status)
      else expectProblem(response, 403, 'scope-missing')
    }
    await Promise.all((await vault.routes()).map(check))
  }

  it.each(roleNames)('%s reaches the routes of its scopes and no other', async (role) => {
    await checkRoutes(roleOf(role).scopes, await vault.staffToken(role))
  })

  it.each(scopes)('%s alone opens its own routes and no other', async (scope) => {
    await checkRoutes([scope], await vault.clientToken([scope]))
  })
})
