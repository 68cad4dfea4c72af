import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { foldedId } from '../../src/access/policy/person.ts'
import { createForge, type Forge } from '../support/forged-token.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * One person passes for two by another spelling of the name: to approve their own request, or to come in although
 * disabled.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'

const widen = (text: string) =>
  text.replace(/[!-~]/g, (character) => String.fromCodePoint(character.codePointAt(0)! + 0xfee0))
const SPELLINGS = [
  'ALICE É',
  'alice é',
  'Alice É',
  'aLiCe e\u0301',
  `${widen('Alice')}\u3000É`,
  ' alice é ',
  'ALICE\u00a0É',
]

let vault: TestVault
let forge: Forge
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  forge = await createForge(vault)
  const role = conditionalRole({ approval: true, break_glass: true })
  const careful = { ...role, scopes: [...role.scopes, 'release:approve'] as const }
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
})
beforeEach(async () => {
  token = (await vault.tokenize({ contact })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** As the vault of an earlier version signed it: with the name as it was typed. */
function earlierToken(id: string, role = 'careful'): string {
  const scope = conditionalRole({}).scopes.concat('release:approve').join(' ')
  const claims = { sub: id, client_id: id, caller_kind: 'staff', role, purposes: [purpose], scope, site: 'default' }
  return forge.sign(forge.header(), forge.claims(claims))
}
const read = async (as: string) => (await vault.call('GET', `/v1/tokens/${token}`, { token: as })).status
const reveal = (as: string, more: object = {}) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: as, body: { purpose, reason: 'why', ...more } })
const decide = (as: string, id: string, verdict: string) =>
  vault.call('POST', `/v1/approvals/${id}/${verdict}`, { token: as })

describe('no one approves their own request', () => {
  it.each(SPELLINGS)('as %j', async (spelling) => {
    const asked = await reveal(await vault.staffToken('careful', { name: 'Alice É' }))
    expectProblem(asked, 403, 'approval-required')
    for (const as of [await vault.staffToken('careful', { name: spelling }), earlierToken(`staff:${spelling}`)]) {
      expectProblem(await decide(as, asked.body.approval, 'approve'), 403, 'own-request')
    }
    const other = await vault.staffToken('careful', { name: 'Bob' })
    expect((await decide(other, asked.body.approval, 'approve')).status).toBe(200)
  })

  it('nor reviews their own release, nor a request from before that has the name as it was typed', async () => {
    expect((await reveal(await vault.staffToken('careful', { name: 'Alice É' }), { break_glass: true })).status).toBe(
      200,
    )
    const [event] = await vault.events({ type: 'approval.break-glass', token })
    const id = event!.subject as string
    await vault.database.sql("UPDATE approvals SET caller = 'staff:ALICE É ' WHERE id = $1", [id])
    for (const name of SPELLINGS) {
      expectProblem(await decide(await vault.staffToken('careful', { name }), id, 'review'), 403, 'own-request')
    }
  })
})

describe('a disabled person stays out', () => {
  it('however they are disabled, and however their name is typed, in an older token too', async () => {
    const { disableStaff, enableStaff } = vault.commands
    const name = fc
      .tuple(fc.constantFrom(...'abxyz'), fc.stringMatching(/^[a-zA-Z0-9éÑ .]{0,8}$/), fc.constantFrom(...'cde'))
      .map((parts) => parts.join(''))
    const way = fc.constantFrom(
      (text: string) => text.toUpperCase(),
      (text: string) => text.toLowerCase(),
      widen,
      (text: string) => `${text} `,
      (text: string) => text.normalize('NFD'),
    )
    await fc.assert(
      fc.asyncProperty(name, way, way, async (given, one, two) => {
        const disabled = await disableStaff(OPERATOR, `staff:${one(given)}`)
        expect(await read(await vault.staffToken('support', { name: two(given) }))).toBe(401)
        expect(await read(earlierToken(`staff:${two(given)}`, 'support'))).toBe(401)
        expect(await read(await vault.staffToken('support', { name: `${given} other` }))).toBe(200)
        expect(await enableStaff(OPERATOR, `staff:${two(given)}`)).toBe(disabled)
        expect(await read(await vault.staffToken('support', { name: one(given) }))).toBe(200)
      }),
      { numRuns: 15 },
    )
  }, 60_000)

  it.each([
    ['as it was typed', 'staff:Mallory Ｑ '],
    ['of a provider, as it is', 'staff:corp/Mallory'],
  ])('a row %s is compared in its one spelling', async (_name, id) => {
    const insert = 'INSERT INTO disabled_staff (id, folded, disabled_at) VALUES ($1, $2, now())'
    await vault.database.sql(insert, [id, foldedId(id)])
    for (const written of [id, id.toLowerCase(), `staff:${id.slice(6).toUpperCase()}`]) {
      expect(await read(earlierToken(written, 'support')), written).toBe(401)
    }
    expect(await read(earlierToken('staff:Mallory', 'support'))).toBe(200)
    await vault.commands.enableStaff(OPERATOR, id)
    expect(await read(earlierToken(id, 'support'))).toBe(200)
  })

  it('the sub of a provider is stored as it is', async () => {
    expect(await vault.commands.disableStaff(OPERATOR, 'staff:corp/Ann')).toBe('staff:corp/Ann')
    const stored = await vault.database.sql('SELECT id FROM disabled_staff')
    expect(stored).toEqual([{ id: 'staff:corp/Ann' }])
    await vault.commands.enableStaff(OPERATOR, 'staff:corp/ann')
  })
})

it('a suspended person stays suspended under any spelling, until an operator lifts it under any', async () => {
  await vault.database.sql("INSERT INTO suspended_callers VALUES ('staff:Sue Ｑ', 'support', '', now())")
  for (const name of ['sue q', 'SUE Q', 'Sue Ｑ'])
    expect(await read(await vault.staffToken('support', { name }))).toBe(403)
  await vault.commands.reinstateCaller(OPERATOR, 'staff:SUE Q')
  expect(await read(await vault.staffToken('support', { name: 'Sue Q' }))).toBe(200)
})

it('names are stored in one spelling: NFKC, lower case, trimmed', async () => {
  await reveal(await vault.staffToken('careful', { name: ` ${widen('Zoe')} B ` }))
  const [event] = await vault.events({ type: 'approval.request', token })
  expect(event!.caller).toMatchObject({ id: 'staff:zoe b' })
  expect(await vault.events({ type: 'token.issue', subject: 'staff:zoe b' })).toHaveLength(1)
})
