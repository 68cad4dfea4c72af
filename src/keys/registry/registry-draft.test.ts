import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noDictionary } from '../../../test/support/no-dictionary.ts'
import { testKeyId, testRootKey } from '../../../test/support/test-keys.ts'
import type { Statement } from '../../database/database.ts'
import { expiryOf } from '../key/cryptoperiod.ts'
import { isMacPurpose, type KeyPurpose, type KeyRow, keyPurposes, macPurposes, wrapContext } from '../key/key.ts'
import { type KeyState, keyStates, mayBecome } from '../key/key-state.ts'
import { KeyRegistryError } from '../key/registry-manifest.ts'
import type { RootKey } from '../root-key/root-key.ts'
import { RegistryDraft } from './registry-draft.ts'

const START = Date.UTC(2026, 10, 24)

/** A transaction that does every statement, and remembers which. */
function recorder() {
  const statements: string[] = []
  const query = async <Row>({ name }: Statement): Promise<Row[]> => {
    statements.push(name)
    return [{ done: true }] as Row[]
  }
  return { tx: { query, dictionary: noDictionary }, statements }
}

async function firstDraft(rootKey: RootKey = testRootKey()) {
  const clock = { now: START }
  const options = { randomBytes, now: () => new Date(clock.now), newId: testKeyId, referencing: { hashed: [] } }
  const draft = await RegistryDraft.first({ keys: [], rootKeys: [] }, rootKey, options)
  for (const purpose of keyPurposes) draft.transition(await draft.create(purpose), 'active')
  return { draft, clock, options, rootKey }
}

type Action = { do: 'create'; purpose: KeyPurpose } | { do: 'transition'; at: number; to: KeyState }

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constant('create' as const), purpose: fc.constantFrom(...keyPurposes) }),
  fc.record({ do: fc.constant('transition' as const), at: fc.nat(200), to: fc.constantFrom(...keyStates) }),
)

describe('a draft of the registry', () => {
  it('agrees with a model of the standard in any order of changes, and is saved only with one active key of each purpose', () =>
    fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const { draft, clock } = await firstDraft()
        const model = new Map(draft.rows.map(({ id, purpose, state }) => [id, { purpose, state }]))
        for (const next of actions) {
          clock.now += 1000
          if (next.do === 'create') {
            model.set(await draft.create(next.purpose), { purpose: next.purpose, state: 'pre-active' })
            continue
          }
          const id = [...model.keys()][next.at % model.size]!
          const known = model.get(id)!
          if (!mayBecome(known.state, next.to)) {
            expect(() => draft.transition(id, next.to)).toThrow()
            continue
          }
          draft.transition(id, next.to)
          if (next.to === 'active') {
            for (const other of model.values()) {
              if (other.purpose === known.purpose && other.state === 'active') other.state = 'deactivated'
            }
          }
          known.state = next.to
        }
        expect(new Map(draft.rows.map(({ id, purpose, state }) => [id, { purpose, state }]))).toEqual(model)
        for (const row of draft.rows) expectConsistent(row)
        const isWhole = keyPurposes.every((purpose) =>
          [...model.values()].some((key) => key.purpose === purpose && key.state === 'active'),
        )
        const { tx, statements } = recorder()
        if (isWhole) await draft.save(tx, 2)
        else await expect(draft.save(tx, 2)).rejects.toThrow(KeyRegistryError)
        expect(statements.includes('upsert-key-registry')).toBe(isWhole)
      }),
      { numRuns: 60 },
    ))

  it('wraps each key under its id and purpose, and nothing unwraps elsewhere', async () => {
    const { draft, rootKey } = await firstDraft()
    const [display, secret] = draft.rows
    const { id, purpose, wrapped } = display!
    expect(await rootKey.unwrap(wrapped!, wrapContext(draft.vault, { id, purpose }))).toHaveLength(32)
    await expect(rootKey.unwrap(wrapped!, wrapContext(draft.vault, { id: secret!.id, purpose }))).rejects.toThrow()
    await expect(rootKey.unwrap(wrapped!, wrapContext(draft.vault, { id, purpose: 'secret' }))).rejects.toThrow()
    await expect(rootKey.unwrap(wrapped!, wrapContext('vault_2', { id, purpose }))).rejects.toThrow()
  })

  it('writes nothing under a root key that does not give back what it wrapped', async () => {
    const good = testRootKey()
    const forgetful: RootKey = { ...good, unwrap: async () => randomBytes(32) }
    await expect(firstDraft(forgetful)).rejects.toThrow('does not give back')
    const { draft } = await firstDraft(good)
    const before = draft.rows.map(({ wrapped }) => wrapped)
    await expect(draft.rewrap({ ...forgetful, record: { ...good.record, id: 'root_new' } })).rejects.toThrow(
      'does not give back',
    )
    expect(draft.rows.map(({ wrapped }) => wrapped)).toEqual(before)
  })

  it('re-wraps every key under another root key, leaves the keys as they are, and makes fresh MAC keys', async () => {
    const { draft, rootKey } = await firstDraft()
    const before = new Map(draft.rows.map((row) => [row.id, row.purpose]))
    const secrets = await Promise.all(
      draft.rows.map((row) => rootKey.unwrap(row.wrapped!, wrapContext(draft.vault, row))),
    )
    const other = testRootKey()
    const next = { ...other, record: { ...other.record, id: 'root_next' } }
    await draft.rewrap(next)
    const again = await Promise.all(
      draft.rows
        .filter(({ id }) => before.has(id))
        .map((row) => next.unwrap(row.wrapped!, wrapContext(draft.vault, row))),
    )
    expect(again).toEqual(secrets)
    expect(new Set(draft.rows.map((row) => row.root_key_id))).toEqual(new Set(['root_next']))
    const fresh = draft.rows.filter(({ id }) => !before.has(id))
    expect(fresh.map(({ purpose, state }) => [purpose, state])).toEqual(macPurposes.map((name) => [name, 'active']))
    for (const { wrapped, id, purpose } of fresh) {
      await expect(rootKey.unwrap(wrapped!, wrapContext(draft.vault, { id, purpose }))).rejects.toThrow()
    }
    const former = draft.rows.filter(({ id, purpose }) => before.has(id) && isMacPurpose(purpose))
    expect(former.map(({ state }) => state)).toEqual(macPurposes.map(() => 'deactivated'))
  })

  it('gives a key its cryptoperiod when it becomes active, and not before', async () => {
    const { draft, clock } = await firstDraft()
    clock.now = START + 1000
    const id = await draft.create('index')
    const row = () => draft.rows.find((key) => key.id === id)!
    expect(row()).toMatchObject({ state: 'pre-active', activated_at: null, expires_at: null })
    clock.now = START + 2000
    draft.transition(id, 'active')
    expect(row().expires_at).toEqual(expiryOf('index', new Date(START + 2000)))
  })

  it('leaves the rows alone that it was made of', async () => {
    const { draft, options, rootKey } = await firstDraft()
    const rows = { vault: 'vault_1', keys: draft.rows.map((row) => ({ ...row })), rootKeys: [] }
    const second = RegistryDraft.of(rows, rootKey, options)
    second.transition(rows.keys[0]!.id, 'compromised')
    expect(rows.keys[0]!.state).toBe('active')
  })
})

/** A key has a time for each state that it was in, and bytes until it is destroyed. */
function expectConsistent(row: KeyRow): void {
  expect(row.wrapped === null).toBe(row.state === 'destroyed')
  expect(row.destroyed_at !== null).toBe(row.state === 'destroyed')
  if (row.state === 'active') expect([row.activated_at, row.expires_at, row.deactivated_at]).not.toContain(undefined)
  expect(row.expires_at === null).toBe(row.activated_at === null)
  if (row.state === 'deactivated')
    expect(row.deactivated_at!.getTime()).toBeGreaterThanOrEqual(row.activated_at!.getTime())
  if (row.state === 'compromised') expect(row.compromised_at).not.toBeNull()
}
