import { once } from 'node:events'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { createOperatorListener } from '../../src/http/operator/operator.ts'
import { loadTls } from '../../src/http/tls/tls.ts'
import { PROBLEM_CODES, titleOf } from '../../src/values/problem-codes.ts'
import { expectProblem } from '../support/problems.ts'
import { checkout } from '../support/samples.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

describe('GET /healthz and /readyz', () => {
  it('answer to anyone', async () => {
    const [health, ready] = [await vault.call('GET', '/healthz'), await vault.call('GET', '/readyz')]
    expect([health.status, health.body]).toEqual([200, { status: 'ok' }])
    expect([ready.status, ready.body]).toEqual([200, { status: 'ready' }])
    expect((await vault.call('HEAD', '/healthz')).status).toBe(200)
  })

  it('tell a live process from one that can serve when the database is gone, and when it is back', async () => {
    const proxy = await startTcpProxy(vault.database.serverUrl)
    const server = await TestVault.start({ sharedDatabase: { ...vault.database, serverUrl: proxy.url } })
    try {
      expect((await server.call('GET', '/readyz')).status).toBe(200)
      proxy.cut()
      expectProblem(await server.call('GET', '/readyz'), 503, 'database-unavailable')
      expect((await server.call('GET', '/healthz')).status).toBe(200)
      proxy.mend()
      await vi.waitUntil(async () => (await server.call('GET', '/readyz')).status === 200)
      await server.tokenize(checkout)
    } finally {
      await server.stop()
      await proxy.close()
    }
  })

  it('call a database that accepts no one unavailable, and are ready again afterwards', async () => {
    const { name, sql } = vault.database
    const server = await TestVault.start({ sharedDatabase: vault.database })
    try {
      await sql(`REVOKE CONNECT ON DATABASE "${name}" FROM PUBLIC`)
      await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = 'strongroom'`,
        [name],
      )
      expectProblem(await server.call('GET', '/readyz'), 503, 'database-unavailable')
    } finally {
      await sql(`GRANT CONNECT ON DATABASE "${name}" TO PUBLIC`)
      await server.stop()
    }
    await vi.waitUntil(async () => (await vault.call('GET', '/readyz')).status === 200)
  })
})

interface Operation {
  operationId: string
  summary: string
  security: Record<string, string[]>[]
  parameters?: { name: string; in: string; required?: boolean }[]
  requestBody?: { content: Record<string, { schema: Record<string, unknown> }> }
  responses: Record<string, { description: string; content?: Record<string, unknown> }>
}
interface OpenApi {
  openapi: string
  info: { title: string; version: string }
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}

async function openApi(): Promise<OpenApi> {
  const response = await vault.call('GET', '/openapi.json')
  expect(response.status).toBe(200)
  expect(response.headers['content-type']).toBe('application/json')
  return response.body
}

function operationsOf(document: OpenApi) {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
}

describe('GET /openapi.json', () => {
  it('names exactly the routes that are mounted, beside what browsers load', async () => {
    const documented = operationsOf(await openApi()).map(({ method, path }) => `${method} ${path}`)
    // A browser loads pages and scripts, and reports what they may not do. A program calls none of these.
    const isForBrowsers = (path: string) => /^\/(docs|checkout)(\.js$|\/|$)|^\/v1\/csp-reports$/.test(path)
    const mounted = (await vault.routes())
      .filter(({ path }) => path !== '/openapi.json' && !isForBrowsers(path))
      .map(({ method, path }) => `${method} ${path.replace(/[:*](\w+)/g, '{$1}')}`)
    expect(documented.sort()).toEqual(mounted.sort())
    expect(documented).toContain('POST /v1/tokens/{token}/reveal')
    expect(documented).toContain('GET /v1/audit/tile/{path}')
  })

  it('declares every parameter that a path has, and what kind of answer comes', async () => {
    const document = await openApi()
    for (const { path, operation } of operationsOf(document)) {
      expect(path).toMatch(/^[\w/.{}-]+$/)
      const inPath = operation.parameters?.filter((parameter) => parameter.in === 'path').map(({ name }) => name) ?? []
      expect(inPath, path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
    }
    const kindOf = (path: string) => Object.keys(document.paths[path]!.get!.responses['200']!.content ?? {})
    expect(kindOf('/v1/audit/checkpoint')).toEqual(['text/plain; charset=utf-8'])
    expect(kindOf('/v1/audit/tile/{path}')).toEqual(['application/octet-stream'])
  })

  it('names what answers: no documented call meets a missing route', async () => {
    for (const { method, path } of operationsOf(await openApi())) {
      const url = path.replace('{token}', 'nonsense').replace('{code}', 'sealed')
      const response = await vault.call(method as 'GET' | 'POST' | 'PATCH' | 'DELETE', url, { text: '{}' })
      expect(response.status, `${method} ${path}`).not.toBe(405)
      expect(response.body.code, `${method} ${path}`).not.toBe('not-found')
    }
  })

  it('is a well-formed OpenAPI 3.1 document', async () => {
    const document = await openApi()
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    expect(document.info).toMatchObject({ title: 'Strongroom', version: expect.stringMatching(/^\d+\.\d+\.\d+/) })
    const operations = operationsOf(document)
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
    const schemes = Object.keys(document.components.securitySchemes!)
    for (const { path, operation } of operations) {
      expect(path).toMatch(/^\//)
      expect(Object.values(operation.responses).every(({ description }) => description.length > 0)).toBe(true)
      expect(Object.keys(operation.responses).every((status) => /^([1-5]\d\d|default)$/.test(status))).toBe(true)
      expect(operation.security.flatMap(Object.keys).every((scheme) => schemes.includes(scheme))).toBe(true)
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? [])
      expect(inPath.every(({ required }) => required === true)).toBe(true)
    }
  })

  it('refers to nothing that is not in it', async () => {
    const document = await openApi()
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!)
    expect(references.length).toBeGreaterThan(0)
    for (const reference of references) {
      expect(reference).toMatch(/^#\//)
      let found: unknown = document
      for (const name of reference.slice(2).split('/')) found = (found as Record<string, unknown> | undefined)?.[name]
      expect(found, reference).toBeDefined()
    }
  })

  it('describes what validates: a checkout takes its parts and no other member', async () => {
    const { paths, components } = await openApi()
    const tokenize = paths['/v1/tokenize']!.post!
    const { schema } = tokenize.requestBody!.content['application/json']!
    expect(schema).toEqual({ $ref: '#/components/schemas/Checkout' })
    const described = components.schemas!.Checkout as Record<string, unknown>
    expect(described.additionalProperties).toBe(false)
    expect(Object.keys(described.properties as object)).toEqual(Object.keys(checkout))
    expect(tokenize.security).toEqual([
      { oauth: ['tokenize'] },
      { accessToken: [] },
      { accessToken: [], dpopProof: [] },
    ])
    expect(tokenize.parameters).toEqual([{ $ref: '#/components/parameters/IdempotencyKey' }])
  })
})

describe('GET /docs', () => {
  it('is a page that loads nothing but its own assets, under a policy that allows nothing else', async () => {
    const page = await vault.call('GET', '/docs')
    expect(page.status).toBe(200)
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    const policy = page.headers['content-security-policy']!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/)
    expect(page.text).not.toMatch(/https?:|\/\/\w|<script>/)
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset]) => asset!)
    expect(assets).toHaveLength(3)
    for (const asset of assets) {
      const response = await vault.call('GET', asset)
      expect(response.status, asset).toBe(200)
      expect(response.headers['content-type']).toMatch(asset.endsWith('.css') ? /^text\/css/ : /^text\/javascript/)
      expect(response.headers['x-content-type-options']).toBe('nosniff')
    }
    expect((await vault.call('GET', '/docs/start.js')).text).toContain("'/openapi.json'")
  })

  it('is where the first page leads, without a cookie', async () => {
    const answer = await vault.call('GET', '/')
    expect([answer.status, answer.headers.location]).toEqual([302, '/docs'])
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect((await vault.call('POST', '/')).status).toBe(405)
  })

  it('has no other files', async () => {
    for (const path of ['/docs/', '/docs/index.html', '/docs/../package.json', '/docs/..%2fpackage.json']) {
      expect([400, 404]).toContain((await vault.call('GET', path)).status)
    }
  })
})

describe('GET /problems/{code}', () => {
  it('is where the type of a problem leads, without an access token', async () => {
    const problem = await vault.call('GET', '/v1/tokens/nonsense')
    expectProblem(problem, 401, 'unauthenticated')
    expect(problem.body.type).toBe(`${vault.issuer}/problems/unauthenticated`)
    const page = await vault.call('GET', new URL(problem.body.type).pathname)
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8'])
    expect(page.text).toMatch(/^unauthenticated\n\n401 A valid access token is required\.\n/)
    expect(page.text).toContain('What to do: ')
  })

  it('explains every code, in HTML to a client that asks for it', async () => {
    for (const code of PROBLEM_CODES) {
      const page = await vault.call('GET', `/problems/${code}`, { headers: { Accept: 'text/html,*/*;q=0.8' } })
      expect([page.status, page.headers['content-type']], code).toEqual([200, 'text/html; charset=utf-8'])
      expect(page.text).toContain(`<h1>${code}</h1>`)
      expect(page.text).toContain(titleOf(code))
      expect(page.text).not.toMatch(/<script|undefined/)
    }
  })

  it('has no others', async () => {
    for (const path of ['/problems/nonsense', '/problems/toString', '/problems', '/problems/'])
      expectProblem(await vault.call('GET', path), 404, 'not-found')
  })
})

describe('metrics', () => {
  it('count requests by route and status and problems by code, and hold no token', async () => {
    const token = await vault.staffToken('support')
    const unknown = `card_${'1'.repeat(26)}`
    await vault.call('GET', `/v1/tokens/${unknown}`, { token })
    const { body } = await vault.metrics.text()
    expect(body).toMatch(
      /^strongroom_request_duration_seconds_count\{method="GET",route="\/v1\/tokens\/:token",status="404"\} 1$/m,
    )
    expect(body).toMatch(/^strongroom_problems_total\{code="record-not-found"\} \d+$/m)
    expect(body).not.toContain(unknown)
  })

  it('are served by the operator listener, and by no route of the API', async () => {
    expectProblem(await vault.call('GET', '/metrics'), 404, 'not-found')
    const { certsDir } = inject('cluster')
    const tls = await loadTls({
      certFile: path.join(certsDir, 'server.pem'),
      keyFile: path.join(certsDir, 'server-key.pem'),
    })
    const listener = createOperatorListener(tls, {
      metrics: vault.metrics.text,
      checkReady: vault.checkReady,
    }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const operator = Object.create(vault, { url: { value: urlOf(listener.address()) } }) as TestVault
    try {
      const response = await operator.call('GET', '/metrics')
      expect(response.status).toBe(200)
      expect(response.headers['content-type']).toMatch(/^text\/plain/)
      expect(response.text).toContain('strongroom_request_duration_seconds_bucket')
      expect((await operator.call('GET', '/healthz')).status).toBe(200)
      expect((await operator.call('GET', '/readyz')).status).toBe(200)
      expect((await operator.call('GET', '/v1/tokens/x')).status).toBe(404)
    } finally {
      listener.close()
    }
  })
})

function urlOf(address: unknown): string {
  return `https://localhost:${(address as { port: number }).port}`
}
