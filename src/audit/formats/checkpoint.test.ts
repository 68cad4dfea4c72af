import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import { findStepBack, formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { signNote } from './signed-note.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const vault = `vault_${'0123456789abcdefghjkmnpqrs'}`
const plain = { origin: 'vault.example/audit', size: 7, root: Buffer.alloc(32, 1) }
const read = (text: string) => parseCheckpoint(signNote(text, plain.origin, privateKey))

it('says in an extension line whose log it is, after the three lines of every checkpoint', () => {
  const text = formatCheckpoint({ ...plain, vault: { vault, generation: 12 } })
  expect(text).toBe(`${formatCheckpoint(plain)}vault ${vault} generation 12\n`)
  expect(read(text)).toMatchObject({ ...plain, vault: { vault, generation: 12 } })
  expect(read(formatCheckpoint(plain)).vault).toBeUndefined()
})

it.each([
  'something else',
  'vault vault_1 generation 1',
  `vault ${vault} generation 01`,
  `vault ${vault} generation -1`,
])('takes "%s" for another extension line', (line) => {
  expect(read(`${formatCheckpoint(plain)}${line}\n`).vault).toBeUndefined()
})

it('tells an older registry, or one of another vault, from one that may follow', () => {
  const signed = { ...plain, vault: { vault, generation: 12 } }
  expect(findStepBack({ vault, generation: 11 }, signed)).toBe('older')
  expect(findStepBack({ vault, generation: 12 }, signed)).toBeUndefined()
  expect(findStepBack({ vault, generation: 13 }, signed)).toBeUndefined()
  expect(findStepBack({ vault: `vault_${'z'.repeat(26)}`, generation: 13 }, signed)).toBe('another-vault')
  expect(findStepBack({ vault, generation: 1 }, plain)).toBeUndefined()
})
