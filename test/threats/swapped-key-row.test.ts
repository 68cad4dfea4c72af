import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type KeyRow, macPurposes } from '../../src/keys/key/key.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const TABLES = ['keys', 'root_keys', 'key_registry'] as const

let vault: TestVault
let token: string
let staff: string
let checkout: string
let keys: KeyRow[]

/** A vault whose data keys were rotated once, so that there are two of each. */
beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  token = (await vault.tokenize({ contact })).contact!.token!
  await snapshot('first')
  await vault.rotate()
  await snapshot('last')
  staff = await vault.staffToken('legal', { minutes: 60 })
  checkout = await vault.clientToken(['tokenize'])
  keys = await vault.database.sql<KeyRow>('SELECT * FROM keys ORDER BY id')
})
afterEach(async () => {
  await putBack('last')
  await expect.poll(readiness, { timeout: 20_000 }).toBe('ready')
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

const sql = (text: string) => vault.database.sql(text)
const snapshot = (name: string) =>
  sql(TABLES.map((table) => `CREATE TABLE ${table}_${name} AS TABLE ${table}`).join('; '))
/** All three tables as they were, in one transaction. */
const putBack = (name: string) =>
  sql(TABLES.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE ${table}_${name}`).join('; '))

async function generationIn(table: string): Promise<number> {
  const [row] = await vault.database.sql<{ manifest: string }>(`SELECT manifest FROM ${table}`)
  return JSON.parse(row!.manifest).generation
}

async function readiness(): Promise<string> {
  const { body } = await vault.call('GET', '/readyz')
  return body.code ?? body.status
}

/** Starts a second server on the same database: the reason why it does not start, or that it does. */
async function startAgain(): Promise<string> {
  try {
    const second = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    await second.stop()
    return 'it started'
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

/** What the alerts since that line of the log say. */
const alertsSince = (line: number) =>
  vault.logLines
    .slice(line)
    .map((text) => JSON.parse(text))
    .filter(({ alert }) => alert === 'key-registry-changed')
    .map(({ level, reason }) => `${level}: ${reason}`)

/** Everything that needs keys is refused, and nothing else. */
async function expectSealed(): Promise<void> {
  const answers = await Promise.all([
    vault.call('GET', `/v1/tokens/${token}`, { token: staff }),
    vault.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } }),
    vault.call('POST', '/v1/tokenize', { token: checkout, body: { contact } }),
    vault.call('GET', '/.well-known/jwks.json'),
    vault.call('GET', '/readyz'),
  ])
  expect(answers.map(({ status, body }) => `${status} ${body.code}`)).toEqual(answers.map(() => '503 sealed'))
  expect(answers.every(({ headers }) => Number(headers['retry-after']) > 0)).toBe(true)
  expect((await vault.call('GET', '/healthz')).status).toBe(200)
}

/** A start is refused, and the running server seals itself with an alert; both say what is wrong. */
async function expectRefused(change: string, names: RegExp, startNames = names): Promise<void> {
  const line = vault.logLines.length
  await sql(change)
  await expect.poll(readiness, { timeout: 20_000 }).toBe('sealed')
  await expectSealed()
  expect(alertsSince(line)).toEqual([expect.stringMatching(names)])
  expect(alertsSince(line)[0]).toMatch(/^error: /)
  expect(await startAgain()).toMatch(startNames)
  await putBack('last')
  await expect.poll(readiness, { timeout: 20_000 }).toBe('ready')
  expect((await vault.call('GET', `/v1/tokens/${token}`, { token: staff })).status).toBe(200)
  expect((await vault.call('POST', '/v1/tokenize', { token: checkout, body: { contact } })).status).toBe(201)
}

const keyOf = (purpose: string, state = 'active') => {
  const found = keys.find((key) => key.purpose === purpose && key.state === state)
  if (found === undefined) throw new Error(`there is no ${state} ${purpose} key`)
  return found.id
}
const wrappedOf = (id: string) => `(SELECT wrapped FROM keys_last WHERE id = '${id}')`
const named = (id: string, what: string) => new RegExp(`key ${id} \\([a-z-]+\\)(: | )${what}`)

it('starts again while the keys are untouched', async () => {
  expect(await startAgain()).toBe('it started')
  expect(await readiness()).toBe('ready')
})

describe('wrapped keys', () => {
  it.each([
    ['of two purposes', ['display', 'active'], ['secret', 'active']],
    ['of one purpose', ['display', 'active'], ['display', 'deactivated']],
    ['of the index and a data key', ['index', 'active'], ['secret', 'deactivated']],
    ['of a token and an audit key', ['token-signing', 'active'], ['audit-signing', 'active']],
  ] as const)('are not exchanged, %s', async (_name, [purposeA, stateA], [purposeB, stateB]) => {
    const [a, b] = [keyOf(purposeA, stateA), keyOf(purposeB, stateB)]
    const change = `UPDATE keys SET wrapped = CASE id WHEN '${a}' THEN ${wrappedOf(b)} ELSE ${wrappedOf(a)} END
                    WHERE id IN ('${a}', '${b}')`
    await expectRefused(change, named(a, 'wrapped was changed'))
  })

  it('are not copied over each other', async () => {
    const [from, to] = [keyOf('display'), keyOf('secret')]
    const change = `UPDATE keys SET wrapped = ${wrappedOf(from)} WHERE id = '${to}'`
    await expectRefused(change, named(to, 'wrapped was changed'))
  })

  it('are not cut off, and not taken away', async () => {
    const id = keyOf('secret')
    await expectRefused(
      `UPDATE keys SET wrapped = substr(wrapped, 5) WHERE id = '${id}'`,
      named(id, 'wrapped was changed'),
    )
    await expectRefused(`UPDATE keys SET wrapped = NULL WHERE id = '${id}'`, named(id, 'wrapped was changed'))
  })
})

describe('rows', () => {
  it.each(['display', 'index', 'token-signing', 'audit-signing', ...macPurposes])(
    'of %s keys are not removed',
    async (purpose) => {
      const id = keyOf(purpose)
      await expectRefused(`DELETE FROM keys WHERE id = '${id}'`, named(id, 'is missing'))
    },
  )

  it('are not added', async () => {
    const id = `key_${'0'.repeat(26)}`
    const change = `INSERT INTO keys (id, purpose, state, root_key_id, wrapped, created_at)
                    SELECT '${id}', purpose, 'pre-active', root_key_id, wrapped, created_at FROM keys WHERE id = '${keyOf('secret')}'`
    await expectRefused(change, named(id, 'was added'))
  })

  it('are not put back to what they were: a retired key does not become the active one again', async () => {
    const [old, active] = [keyOf('secret', 'deactivated'), keyOf('secret')]
    const change = `UPDATE keys SET state = 'deactivated' WHERE id = '${active}';
                    DELETE FROM keys WHERE id = '${old}';
                    INSERT INTO keys TABLE keys_first EXCEPT SELECT * FROM keys_first WHERE id <> '${old}'`
    await expectRefused(change, named(old, 'deactivated_at, state was changed'))
  })

  it('are not all removed, and then made again', async () => {
    await sql('DELETE FROM keys; DELETE FROM key_registry')
    await expect.poll(readiness).toBe('sealed')
    expect(await startAgain()).toMatch(/KeyRegistryError: the keys are missing though there are records/)
  })
})

/** A change of each column, and of which row. */
const OTHER_TIME = (column: string) => `coalesce(${column}, now()) + interval '1 day'`
const KEY_COLUMNS: Record<string, string> = {
  id: "id || '0'",
  purpose: "'index'",
  state: "'compromised'",
  root_key_id: "'root_other'",
  wrapped: 'set_byte(wrapped, 50, get_byte(wrapped, 50) # 1)',
  ...Object.fromEntries(
    ['created', 'activated', 'deactivated', 'compromised', 'destroyed', 'expires'].map((name) => [
      `${name}_at`,
      OTHER_TIME(`${name}_at`),
    ]),
  ),
}
const ROOT_COLUMNS: Record<string, string> = {
  id: "id || '0'",
  provider: "'another'",
  parameters: `parameters || '{"salt": "AAAAAAAAAAAAAAAAAAAAAA"}'`,
  state: "'deactivated'",
  ...Object.fromEntries(
    ['created', 'activated', 'deactivated', 'expires'].map((name) => [`${name}_at`, OTHER_TIME(`${name}_at`)]),
  ),
}

describe('columns', () => {
  it.each([
    ['keys', KEY_COLUMNS],
    ['root_keys', ROOT_COLUMNS],
  ])('of %s are all tried here', async (table, tried) => {
    const columns = await sql(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_name = '${table}'`,
    )
    expect(columns.map(({ name }) => name).sort()).toEqual(Object.keys(tried).sort())
  })

  it.each(Object.entries(KEY_COLUMNS))('%s of a key is not edited', async (column, value) => {
    const id = keyOf('display', 'deactivated')
    const what = column === 'id' ? 'is missing' : `${column} was changed`
    await expectRefused(`UPDATE keys SET ${column} = ${value} WHERE id = '${id}'`, named(id, what))
  })

  it.each(Object.entries(ROOT_COLUMNS))('%s of the root key is not edited', async (column, value) => {
    const [root] = await vault.database.sql<{ id: string }>('SELECT id FROM root_keys')
    const what = column === 'id' ? 'is missing' : `${column} was changed`
    // A start cannot verify first what it needs to derive the root key; then nothing opens at all.
    const start = new RegExp(
      `root key ${root!.id} .*${what}|the root key does not open|missing in "root_keys"|provider that this version does not know`,
    )
    await expectRefused(
      `UPDATE root_keys SET ${column} = ${value}`,
      new RegExp(`root key ${root!.id} .*${what}`),
      start,
    )
  })

  it('that count uses are elsewhere, and are not part of it', async () => {
    await sql('UPDATE key_uses SET uses = uses + 7')
    expect(await startAgain()).toBe('it started')
    expect(await readiness()).toBe('ready')
  })
})

describe('the manifest', () => {
  const edits: [string, string, RegExp, RegExp?][] = [
    ['does not lose its row', 'DELETE FROM key_registry', /the manifest .* is missing/],
    [
      'is not edited',
      `UPDATE key_registry SET manifest = replace(manifest, 'deactivated', 'active')`,
      /the manifest .* was changed/,
    ],
    ['is not replaced by nonsense', `UPDATE key_registry SET manifest = 'x'`, /the manifest .* was changed/],
    [
      'keeps its MAC',
      `UPDATE key_registry SET mac = set_byte(mac, 0, get_byte(mac, 0) # 1)`,
      /the manifest .* was changed/,
    ],
    ['has no MAC of another length', `UPDATE key_registry SET mac = substr(mac, 2)`, /the manifest .* was changed/],
    [
      'keeps the name of the key of its MAC',
      `UPDATE key_registry SET manifest = regexp_replace(manifest, '"mac_key":"key_', '"mac_key":"yek_')`,
      /key yek_\w+ \(registry-mac\) is missing/,
    ],
    [
      'is of no other format, whose MAC would be under a key beside it',
      `UPDATE key_registry SET manifest = replace(manifest, '"format":2', '"format":1'), wrapped = mac`,
      /the manifest .* cannot be read/,
    ],
    [
      'is not put back alone',
      'UPDATE key_registry r SET manifest = f.manifest, mac = f.mac FROM key_registry_first f',
      /key key_\w+ \(display\): deactivated_at, state was changed/,
    ],
  ]
  it.each(edits)('%s', (_name, change, names, startNames) => expectRefused(change, names, startNames))
})

describe('the whole registry, put back at once', () => {
  const statusOfRead = async () => (await vault.call('GET', `/v1/tokens/${token}`, { token: staff })).body.code

  it('is not followed by a running server; a start without log, pin and shipped checkpoints cannot see it', async () => {
    const line = vault.logLines.length
    await putBack('first')
    // Without a request for readiness: it looks on its own.
    await expect.poll(statusOfRead).toBe('sealed')
    await expectSealed()
    expect(alertsSince(line)).toEqual([expect.stringMatching(/was put back from generation \d+ to 2/)])
    expect(await startAgain()).toBe('it started')
  })

  it('and changed from there to the same generation is another one', async () => {
    const line = vault.logLines.length
    const [first, last] = [await generationIn('key_registry_first'), await generationIn('key_registry_last')]
    const purposes = (['index', 'audit-signing', 'token-signing'] as const).slice(0, last - first)
    expect(purposes).toHaveLength(last - first)
    await putBack('first')
    const other = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    try {
      for (const purpose of purposes) await other.commands.compromiseKey(OPERATOR, keyOf(purpose))
    } finally {
      await other.stop()
    }
    expect(await generationIn('key_registry')).toBe(last)
    await expect
      .poll(() => alertsSince(line))
      .toContainEqual(expect.stringMatching(new RegExp(`two key registries of generation ${last}`)))
    await expectSealed()
  })
})
