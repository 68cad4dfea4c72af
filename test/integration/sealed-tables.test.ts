import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { numberOf } from '../../src/database/lean-rows.ts'
import { destroyKey, KeyStillNeeded } from '../../src/keys/lifecycle/destroy.ts'
import { countReferences, countReferencesOf } from '../../src/keys/rotation/reference-store.ts'
import { rotateKeys } from '../../src/keys/rotation/rotate-keys.ts'
import { createSealedValues } from '../../src/keys/rotation/sealed-values.ts'
import type { SealContext } from '../../src/keys/sealing/seal-context.ts'
import { sealedTable } from '../../src/keys/sealing/sealed-table.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import { contact } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'
import { openTestKeys } from '../support/vault-keys.ts'

/**
 * A noun of its own, which the keys know only by what it declares: notes in a schema that the vault does not look at, each sealed
 * under a data key and bound to its topic.
 */
const noteContext = (id: string, topic: string): SealContext => ({
  site: '',
  kind: 'note',
  token: id,
  part: 'note',
  version: 1,
  facts: topic,
})
const notes = sealedTable('toy.notes', {
  parts: { note: 'display' },
  identity: { id: 'text' },
  described: ['topic'],
  context: (row) => noteContext(row.id as string, row.topic as string),
})
const referencing = { ...referencingTables, sealed: [...referencingTables.sealed, notes] }

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const TEXTS = new Map(Array.from({ length: 40 }, (_, at) => [`note_${at}`, `what note ${at} says`]))

let vault: TestVault
let server: Awaited<ReturnType<typeof openTestKeys>>

beforeAll(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  await vault.database.sql(`
    CREATE SCHEMA toy;
    GRANT USAGE ON SCHEMA toy TO PUBLIC;
    CREATE TABLE toy.notes (
      id text PRIMARY KEY, topic text NOT NULL, note_key smallint NOT NULL, note_sealed bytea NOT NULL);
    GRANT SELECT, INSERT, UPDATE ON toy.notes TO PUBLIC`)
  server = await openTestKeys(vault.database, { referencing, times: steadyKeys.keyTimes })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await server.close()
  await vault.stop()
})

async function store(id: string, text: string): Promise<string> {
  const { keys, database } = server
  const { keyId, bytes } = keys.seal('display', noteContext(id, 'a topic'), Buffer.from(text), 64)
  const key = await numberOf(database, 'key', keyId)
  await vault.database.sql('INSERT INTO toy.notes VALUES ($1, $2, $3, $4)', [id, 'a topic', key, bytes])
  return keyId
}

async function openAll(): Promise<Map<string, { keyId: string; text: string }>> {
  const { keys } = server
  const rows = await vault.database.sql<{ id: string; topic: string; key: string; note_sealed: Buffer }>(
    "SELECT id, topic, name_of('key', note_key) AS key, note_sealed FROM toy.notes",
  )
  const opened = rows.map(async ({ id, topic, key, note_sealed: bytes }) => {
    const text = await keys.open({ keyId: key, bytes }, noteContext(id, topic))
    return [id, { keyId: key, text: text.toString() }] as const
  })
  return new Map(await Promise.all(opened))
}

describe('a table that another noun declares', () => {
  it('is counted, rotated and opened, and keeps the keys that it needs', async () => {
    await vault.tokenize({ contact })
    const keyIds = new Set<string>()
    for (const [id, text] of TEXTS) keyIds.add(await store(id, text))
    const [old] = [...keyIds]
    expect(keyIds.size).toBe(1)

    const { database, keys } = server
    const counted = await countReferences(database, referencing, new Date())
    expect(counted.get(old!)).toMatchObject({ 'toy.notes.note': TEXTS.size, 'records.display': 1 })

    const deps = { ...server, now: () => new Date(), targets: createSealedValues(keys) }
    const result = await rotateKeys(
      deps,
      OPERATOR,
      { purposes: ['display'] },
      { onProgress: () => {}, signal: new AbortController().signal },
    )
    expect(result).toMatchObject({ done: true, damaged: [], moved: TEXTS.size + 1, retired: [old] })

    const opened = await openAll()
    expect(new Map([...opened].map(([id, { text }]) => [id, text]))).toEqual(TEXTS)
    const moved = new Set([...opened.values()].map(({ keyId }) => keyId))
    expect(moved).toEqual(new Set([result.active.display]))
    expect(await countReferencesOf(database, referencing, old!, new Date())).toEqual({})
  })

  it('does not open in another row: what it declares is what a value is bound to', async () => {
    await store('bound', 'about one topic')
    await vault.database.sql("UPDATE toy.notes SET topic = 'another topic' WHERE id = 'bound'")
    await expect(openAll()).rejects.toMatchObject({ code: 'record-integrity' })
    await vault.database.sql("DELETE FROM toy.notes WHERE id = 'bound'")
  })

  it('alone keeps a key from being destroyed', async () => {
    const { keys } = server
    const id = await store('last', 'the only value under its key')
    const control = { onProgress: () => {}, signal: new AbortController().signal }
    // A rotation that does not know the table leaves its values where they are.
    const targets = createSealedValues(keys).filter(({ name }) => name !== 'toy.notes')
    await rotateKeys({ ...server, now: () => new Date(), targets }, OPERATOR, { purposes: ['display'] }, control)
    const deps = { ...server, now: () => new Date(), longestTokenSeconds: 60, hasSignedLast: async () => false }
    const destroying = destroyKey(deps, OPERATOR, id)
    await expect(destroying).rejects.toThrow(KeyStillNeeded)
    await expect(destroying).rejects.toThrow(/is still needed: \d+ in toy\.notes\.note\. Run "strongroom keys rotate"/)
  })
})
