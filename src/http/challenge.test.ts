import { describe, expect, it } from 'vitest'
import { Problem } from '../values/problem.ts'
import { challengeHeaders } from './challenge.ts'

const facts = {
  scopes: ['card:reveal', 'audit:read'],
  publicUrl: 'https://v.example',
  proofAlgorithms: ['ES256', 'EdDSA'],
}
const ours = 'realm="strongroom", resource_metadata="https://v.example/.well-known/oauth-protected-resource"'

const written = (problem: Problem) => challengeHeaders(problem, facts)['WWW-Authenticate']

describe('WWW-Authenticate', () => {
  it('asks for any token, with the scopes of the call', () => {
    expect(written(new Problem('unauthenticated', { challenge: { scheme: 'any' } }))).toBe(
      `Bearer scope="card:reveal audit:read", ${ours}, DPoP algs="ES256 EdDSA", scope="card:reveal audit:read", ${ours}`,
    )
  })

  it('asks for a proof where only a proof helps', () => {
    const problem = new Problem('unauthenticated', { challenge: { scheme: 'DPoP', error: 'invalid_dpop_proof' } })
    expect(written(problem)).toBe(
      `DPoP error="invalid_dpop_proof", algs="ES256 EdDSA", scope="card:reveal audit:read", ${ours}`,
    )
  })

  it('names the scope that is missing', () => {
    const challenge = { scheme: 'any', error: 'insufficient_scope', scope: 'card:reveal' } as const
    const missing = 'error="insufficient_scope", scope="card:reveal"'
    expect(written(new Problem('scope-missing', { challenge }))).toBe(
      `Bearer ${missing}, ${ours}, DPoP ${missing}, algs="ES256 EdDSA", ${ours}`,
    )
  })

  it('asks a client for its id and secret', () => {
    expect(written(new Problem('invalid-client'))).toBe('Basic realm="strongroom"')
  })

  it('is not there where no other credentials help', () => {
    expect(challengeHeaders(new Problem('own-request'), facts)).toEqual({})
  })
})
