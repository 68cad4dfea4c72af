import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { loadTrustedIssuers } from '../../src/access/issuers/trusted-issuers.ts'
import type { Json } from '../support/forge-token.ts'
import { PlainProvider } from '../support/plain-provider.ts'
import { expectProblem } from '../support/problems.ts'
import { type Recipe, readRecipes } from '../support/provider-recipes.ts'
import { TestVault } from '../support/test-vault.ts'

/** The recipes of the documentation, all in one vault, with tokens that a provider of this test signs. */
const recipes = readRecipes()
const UNKNOWN = `/v1/tokens/card_${'0'.repeat(26)}`

let provider: PlainProvider
let directory: string
let vault: TestVault

beforeAll(async () => {
  provider = await PlainProvider.start()
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-recipes-'))
  vault = await TestVault.start({ config: { access: { issuersFile: write(recipes.map(({ entry }) => here(entry))) } } })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  await provider.stop()
  rmSync(directory, { recursive: true })
})

function write(entries: Json[]): string {
  const file = path.join(directory, `issuers-${entries.length}.json`)
  writeFileSync(file, JSON.stringify(entries))
  return file
}

/** The entry of the page, except for the address of its provider. */
const here = (entry: Recipe['entry']): Json => ({
  ...entry,
  issuer: `${provider.url}/${entry.name}`,
  ca_file: provider.caFile,
})

/** The token of the page, except for its signer and its times. */
function sign({ entry, token }: Recipe, changes: Json = {}): string {
  const later = Math.floor(Date.now() / 1000) - token.claims.iat
  const times = Object.entries(token.claims).filter(([name]) => ['iat', 'exp', 'nbf', 'auth_time'].includes(name))
  const moved = Object.fromEntries(times.map(([name, time]) => [name, (time as number) + later]))
  const claims = { ...token.claims, ...moved, iss: `${provider.url}/${entry.name}`, ...changes }
  return provider.sign(token.header, claims)
}

it('the page has a recipe for each of the seven', () => {
  const expected = ['Okta', 'Microsoft Entra ID', 'Auth0', 'Keycloak', 'Amazon Cognito', 'Google', 'Zitadel']
  expect(recipes.map(({ provider }) => provider)).toEqual(expected)
})

describe.each(recipes.map((recipe) => [recipe.provider, recipe] as const))('%s', (_provider, recipe) => {
  it('issues tokens that the vault takes, for what the page says', async () => {
    const token = sign(recipe)
    // 404: the caller was accepted, and looked for a record that does not exist.
    expectProblem(await vault.call('GET', UNKNOWN, { token }), 404, 'record-not-found')
    const report = await vault.commands.checkToken(token)
    expect(report.rules.filter(({ passed }) => !passed)).toEqual([])
    expect(report).toMatchObject({ accepted: true, code: null, issuer: recipe.entry.name, ...recipe.outcome })
  })

  it('issues tokens that the entry as it is on the page is for: the issuer is theirs', async () => {
    const [issuer] = await loadTrustedIssuers(write([recipe.entry]), 'https://own.example')
    expect(issuer!.issuer).toBe(recipe.token.claims.iss)
  })

  it('has no say over people of other audiences, nor without the claim that is mapped', async () => {
    const audience = (recipe.entry.audience_claim ?? 'aud') as string
    const elsewhere = sign(recipe, { [audience]: 'another-service' })
    expectProblem(await vault.call('GET', UNKNOWN, { token: elsewhere }), 401, 'unauthenticated')
    const claim = [recipe.entry.mappings[0]!.claim].flat()[0] as string
    expectProblem(
      await vault.call('GET', UNKNOWN, { token: sign(recipe, { [claim]: undefined }) }),
      403,
      'scope-missing',
    )
  })
})

/** Members that every entry has, or that only narrow. */
const NEVER_WEAKENS = ['name', 'issuer', 'audience', 'mappings', 'algorithms', 'required_claims', 'scope_prefix']
const weakening = recipes.flatMap((recipe) =>
  Object.keys(recipe.entry)
    .filter((option) => !NEVER_WEAKENS.includes(option))
    .map((option) => [recipe.provider, option, recipe] as const),
)
const required = recipes.flatMap((recipe) =>
  Object.keys(recipe.entry.required_claims ?? {}).map((claim) => [recipe.provider, claim, recipe] as const),
)

it.each(weakening)('the entry of %s needs its %s', async (_provider, option, recipe) => {
  const { [option]: _left, ...rest } = here(recipe.entry)
  const issuersFile = write([rest])
  const without = await TestVault.start({ sharedDatabase: vault.database, config: { access: { issuersFile } } })
  try {
    expectProblem(await without.call('GET', UNKNOWN, { token: sign(recipe) }), 401, 'unauthenticated')
  } finally {
    await without.stop()
  }
})

it.each(required)('a token of %s is refused without its %s', async (_provider, claim, recipe) => {
  for (const value of [undefined, 'another']) {
    expectProblem(await vault.call('GET', UNKNOWN, { token: sign(recipe, { [claim]: value }) }), 401, 'unauthenticated')
  }
})

it('a token with 200 groups fits (Microsoft Entra ID puts no more into one)', async () => {
  const entra = recipes.find(({ entry }) => entry.name === 'entra')!
  const token = sign(entra, { groups: Array.from({ length: 200 }, () => randomUUID()) })
  expect(token.length).toBeGreaterThan(10_000)
  expectProblem(await vault.call('GET', UNKNOWN, { token }), 404, 'record-not-found')
})

it('a scope after a prefix narrows (Amazon Cognito)', async () => {
  const cognito = recipes.find(({ entry }) => entry.scope_prefix !== undefined)!
  const body = { purpose: 'process-payment' }
  const refused = await vault.call('POST', `${UNKNOWN}/reveal`, { token: sign(cognito), body })
  expectProblem(refused, 403, 'scope-missing')
})
