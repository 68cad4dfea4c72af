import { describe, expect, it } from 'vitest'
import { apiHeaders, docsHeaders } from './security-headers.ts'

const policyOf = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    headers['content-security-policy']!.split(';').map((directive) => {
      const [name, ...sources] = directive.trim().split(' ')
      return [name, sources.join(' ')]
    }),
  )

describe.each(Object.entries({ apiHeaders, docsHeaders }))('%s', (_name, headers) => {
  it.each([
    ['strict-transport-security', 'max-age=63072000; includeSubDomains'],
    ['x-content-type-options', 'nosniff'],
    ['x-frame-options', 'DENY'],
    ['referrer-policy', 'no-referrer'],
    ['cross-origin-opener-policy', 'same-origin'],
    ['cross-origin-resource-policy', 'same-origin'],
    ['origin-agent-cluster', '?1'],
    ['x-dns-prefetch-control', 'off'],
    ['x-download-options', 'noopen'],
    ['x-permitted-cross-domain-policies', 'none'],
    ['cache-control', 'no-store'],
  ])('has %s: %s', (name, value) => {
    expect(headers[name]).toBe(value)
  })

  it('says nothing of what the server runs on, and lets no other origin read', () => {
    const names = Object.keys(headers)
    expect(names).toEqual(names.map((name) => name.toLowerCase()))
    for (const name of ['x-powered-by', 'server', 'etag', 'access-control-allow-origin', 'set-cookie']) {
      expect(headers).not.toHaveProperty(name)
    }
  })

  it('allows nothing unless it is named, and no frame around it', () => {
    expect(policyOf(headers)).toMatchObject({ 'default-src': "'none'", 'frame-ancestors': "'none'" })
  })
})

it('lets an answer of the API load nothing at all', () => {
  expect(policyOf(apiHeaders)).toEqual({ 'default-src': "'none'", 'frame-ancestors': "'none'" })
})

it('lets the viewer of the documentation load from our own origin only, and run no inline script', () => {
  const { 'script-src': script, 'connect-src': connect, 'base-uri': base, 'form-action': form } = policyOf(docsHeaders)
  expect({ script, connect, base, form }).toEqual({
    script: "'self'",
    connect: "'self'",
    base: "'none'",
    form: "'none'",
  })
  expect(docsHeaders['content-security-policy']).not.toMatch(/https?:|unsafe-eval|\*/)
})
