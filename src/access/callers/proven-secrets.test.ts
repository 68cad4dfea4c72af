import { describe, expect, it } from 'vitest'
import { createProvenSecrets } from './proven-secrets.ts'

const remember = (secrets: ReturnType<typeof createProvenSecrets>, client: string, secret: string, hash: string) =>
  secrets.remember(client, secrets.proofOf(client, secret), hash)
const recall = (secrets: ReturnType<typeof createProvenSecrets>, client: string, secret: string) =>
  secrets.hashFor(client, secrets.proofOf(client, secret))

describe('what is remembered of secrets', () => {
  it('is a hash under a key of this process: another one makes another of the same secret', () => {
    const [one, other] = [createProvenSecrets(), createProvenSecrets()]
    expect(one.proofOf('a', 'secret')).toEqual(one.proofOf('a', 'secret'))
    expect(one.proofOf('a', 'secret')).not.toEqual(other.proofOf('a', 'secret'))
    expect(one.proofOf('a', 'secret').toString('latin1')).not.toContain('secret')
  })

  it('tells clients and secrets apart, however they are put together', () => {
    const secrets = createProvenSecrets()
    remember(secrets, 'a', 'b c', '$hash')
    expect(recall(secrets, 'a', 'b c')).toBe('$hash')
    expect(recall(secrets, 'a', 'b')).toBeUndefined()
    expect(recall(secrets, 'a b', 'c')).toBeUndefined()
  })

  it('is two secrets of one client in an overlap, of which keepOnly drops one', () => {
    const secrets = createProvenSecrets()
    remember(secrets, 'a', 'old', '$old')
    remember(secrets, 'a', 'new', '$new')
    expect([recall(secrets, 'a', 'old'), recall(secrets, 'a', 'new')]).toEqual(['$old', '$new'])
    secrets.keepOnly('a', ['$new', null])
    expect([recall(secrets, 'a', 'old'), recall(secrets, 'a', 'new')]).toEqual([undefined, '$new'])
  })

  it('is bounded: the client that has not come for the longest time is forgotten', () => {
    const secrets = createProvenSecrets(2)
    for (const client of ['a', 'b']) remember(secrets, client, 'x', '$x')
    expect(recall(secrets, 'a', 'x')).toBe('$x')
    remember(secrets, 'c', 'x', '$x')
    expect(['a', 'b', 'c'].map((client) => recall(secrets, client, 'x'))).toEqual(['$x', undefined, '$x'])
  })
})
