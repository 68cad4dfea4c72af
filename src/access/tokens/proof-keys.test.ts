import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CallerKey, createCallerKey, signProof } from '../../../test/support/caller-keys.ts'
import { verifyDpopProof } from './dpop-proof.ts'
import { createProofKeys, type ProofKeys } from './proof-keys.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const URL_OF_CARD = 'https://vault.example/v1/tokens/card_1'
const TOKEN = 'header.claims.signature'
const PURPOSE = { method: 'GET', url: URL_OF_CARD, accessToken: TOKEN }

const verify = async (proofKeys: ProofKeys, proof: string, thumbprint: string) => {
  const request = { proof, method: 'GET', urls: () => [URL_OF_CARD] }
  return (await verifyDpopProof({ now: () => NOW, proofKeys }, request, { accessToken: TOKEN, thumbprint }))?.thumbprint
}
const proofKey = (key: CallerKey) => ({ publicKey: key.publicKey, thumbprint: key.thumbprint })
const headerOf = (proof: string) => proof.slice(0, proof.indexOf('.'))

describe('the keys of proofs', () => {
  it('are remembered when a proof was right, and only then', async () => {
    const [own, thief] = [await createCallerKey(), await createCallerKey()]
    const keys = createProofKeys()
    const find = (proof: string, by = own) => keys.find(by.thumbprint, headerOf(proof))
    const forged = await signProof(own, PURPOSE, NOW, { signer: thief.privateKey })
    expect(await verify(keys, forged, own.thumbprint)).toBeUndefined()
    expect(find(forged)).toBeUndefined()
    const foreign = await signProof(thief, PURPOSE, NOW)
    expect(await verify(keys, foreign, own.thumbprint)).toBeUndefined()
    expect(find(foreign)).toBeUndefined()
    expect(find(foreign, thief)).toBeUndefined()
    const right = await signProof(own, PURPOSE, NOW)
    expect(await verify(keys, right, own.thumbprint)).toBe(own.thumbprint)
    expect(find(right)?.publicKey.equals(own.publicKey)).toBe(true)
  })

  it('are not found for a proof with another header, which replaces the one before', async () => {
    const own = await createCallerKey()
    const keys = createProofKeys()
    keys.remember('first', proofKey(own))
    expect(keys.find(own.thumbprint, 'second')).toBeUndefined()
    keys.remember('second', proofKey(own))
    expect(keys.find(own.thumbprint, 'first')).toBeUndefined()
    expect(keys.find(own.thumbprint, 'second')).toBeDefined()
  })

  it('leave in the order of their last proof', async () => {
    const [first, second, third] = [await createCallerKey(), await createCallerKey(), await createCallerKey()]
    const keys = createProofKeys(2)
    for (const one of [first, second, first, third]) keys.remember('header', proofKey(one))
    const known = [first, second, third].map(({ thumbprint }) => keys.find(thumbprint, 'header') !== undefined)
    expect(known).toEqual([true, false, true])
  })

  it('are not remembered with a header that is longer than that of the largest key', async () => {
    const own = await createCallerKey()
    const keys = createProofKeys()
    keys.remember('h'.repeat(1025), proofKey(own))
    expect(keys.find(own.thumbprint, 'h'.repeat(1025))).toBeUndefined()
    const largest = { kty: 'RSA', n: Buffer.alloc(512, 1).toString('base64url'), e: 'AQAB' }
    const header = Buffer.from(JSON.stringify({ alg: 'PS256', typ: 'dpop+jwt', jwk: largest })).toString('base64url')
    keys.remember(header, proofKey(own))
    expect(keys.find(own.thumbprint, header)).toBeDefined()
  })

  it('change no answer: a changed proof gets the one that it gets when no key is known', async () => {
    const [own, other] = [await createCallerKey(), await createCallerKey('EdDSA')]
    const sign = async (by: CallerKey, header: Record<string, unknown> = {}, claims = {}) =>
      signProof(by, PURPOSE, NOW, { header, claims })
    const right = [await sign(own), await sign(other)]
    const proofs = [
      ...right,
      await sign(own, { kid: 'another' }),
      await sign(own, { jwk: { ...own.jwk, use: 'sig' } }),
      await sign(own, { jwk: other.jwk }),
      await sign(other, { alg: 'Ed25519' }),
      await sign(own, {}, { nonce: 'unasked' }),
      await signProof(own, PURPOSE, NOW, { signer: (await createCallerKey()).privateKey }),
    ]
    const knowing = () => {
      const keys = createProofKeys()
      for (const [at, by] of [own, other].entries()) keys.remember(headerOf(right[at]!), proofKey(by))
      return keys
    }
    const parts = proofs.map((proof) => proof.split('.') as [string, string, string])
    const part = fc.nat(proofs.length - 1)
    const edit = fc.option(fc.tuple(fc.nat(), fc.constantFrom(...'ABCwxyz019-_=. ')), { nil: undefined })
    const changed = fc.record({ a: part, b: part, c: part, mixes: fc.boolean(), edit, isOwn: fc.boolean() })
    const answers = new Map<boolean, number>()
    await fc.assert(
      fc.asyncProperty(fc.array(changed, { minLength: 150, maxLength: 150 }), async (changes) => {
        const same = changes.map(async ({ a, b, c, mixes, edit, isOwn }) => {
          let proof = mixes ? `${parts[a]![0]}.${parts[b]![1]}.${parts[c]![2]}` : parts[a]!.join('.')
          if (edit) {
            const at = edit[0] % proof.length
            proof = proof.slice(0, at) + edit[1] + proof.slice(at + 1)
          }
          const { thumbprint } = isOwn ? own : other
          const fresh = await verify(createProofKeys(), proof, thumbprint)
          answers.set(fresh !== undefined, (answers.get(fresh !== undefined) ?? 0) + 1)
          return fresh === (await verify(knowing(), proof, thumbprint))
        })
        return (await Promise.all(same)).every(Boolean)
      }),
      { numRuns: 20 },
    )
    expect(answers.get(true)).toBeGreaterThan(20)
    expect(answers.get(false)).toBeGreaterThan(1000)
  })
})
