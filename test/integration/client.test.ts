import { VaultClient, VaultProblem, VaultUnreachable } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { failureOf, newClient, newStaff, noteRequests } from '../support/client.ts'
import { card, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { withoutIds } from '../support/without-ids.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(async () => {
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

describe('errors', () => {
  it('say what is wrong, where, and under which id the vault has it', async () => {
    const shop = await newClient(vault, 'checkout')
    const wrong = { ...card, number: '4242 4242 4242 4241' }
    const error = (await failureOf(shop.checkouts.tokenize({ card: wrong }))) as VaultProblem
    expect(error).toBeInstanceOf(VaultProblem)
    expect(error).toMatchObject({ name: 'VaultProblem', status: 422, code: 'invalid-card-number', attempts: 1 })
    expect(error.errors).toEqual([{ pointer: '#/card/number', detail: expect.any(String) }])
    expect(error.requestId).toMatch(/^req_/)
    expect(await vault.events({ request_id: error.requestId })).toHaveLength(1)
    expect(error.message).toMatch(/\(422 invalid-card-number\)$/)
    expect(withoutIds(JSON.stringify(error) + error.stack)).not.toContain('4241')
  })

  it('tell of a certificate that is not trusted at once, and what to do', async () => {
    const url = vault.url
    const shop = new VaultClient({ url, credentials: { clientId: 'x', clientSecret: 'x' }, fetch })
    const error = await failureOf(shop.checkouts.tokenize({ contact }))
    expect(error).toBeInstanceOf(VaultUnreachable)
    expect(error).toMatchObject({ reason: 'certificate', attempts: 1 })
    expect((error as Error).message).toMatch(/NODE_EXTRA_CA_CERTS/)
  })

  it('say that there is no server, after the retries', async () => {
    const shop = new VaultClient({ url: 'https://localhost:1', credentials: { accessToken: 'x' }, retries: 1 })
    expect(await failureOf(shop.tokens.get('card_x'))).toMatchObject({ reason: 'connection', attempts: 2 })
  })

  it('refuse an address without TLS', () => {
    expect(() => new VaultClient({ url: 'http://localhost:8443' })).toThrow(/https/)
  })

  it('have a code for answers of something else than the vault', async () => {
    const page: typeof fetch = async () => new Response('<h1>Not here</h1>', { status: 404 })
    const lost = new VaultClient({ url: vault.url, fetch: page })
    expect(await failureOf(lost.server.health())).toMatchObject({ status: 404, code: 'unknown-answer' })
  })

  it('of a code that is not known yet are read all the same', async () => {
    const newer: typeof fetch = async () =>
      Response.json({ code: 'moon-is-full', title: 'The moon is full' }, { status: 418 })
    expect(await failureOf(new VaultClient({ url: vault.url, fetch: newer }).server.health())).toMatchObject({
      code: 'moon-is-full',
      message: 'The moon is full (418 moon-is-full)',
    })
  })
})

describe('retries', () => {
  const busy = (retryAfter: string) =>
    Response.json({ code: 'busy', title: 'The vault is busy' }, { status: 503, headers: { 'retry-after': retryAfter } })

  it('send the same key and the same body until the vault has done it', async () => {
    const send = createNodeFetch({ ca: vault.ca })
    const refusals = [busy('1'), busy('0')]
    const sent = noteRequests(vault, async (input, init) => {
      const refusal = String(input).endsWith('/v1/tokenize') ? refusals.shift() : undefined
      return refusal ?? send(input, init)
    })
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch })
    const { response } = await shop.checkouts.tokenize({ contact }, { idempotencyKey: 'order-17' }).withResponse()
    expect(response).toMatchObject({ attempts: 3, idempotencyKey: 'order-17', replayed: false, status: 201 })
    const attempts = sent.of('/v1/tokenize').map(({ headers, body }) => [headers.get('idempotency-key'), body])
    expect(attempts).toEqual(Array.from({ length: 3 }, () => ['order-17', JSON.stringify({ contact })]))
  })

  it('are not begun when the vault asks for more time than the call has', async () => {
    const shop = await newClient(vault, 'checkout', { fetch: async () => busy('3600') })
    const error = await failureOf(shop.checkouts.tokenize({ contact }))
    expect(error).toMatchObject({ code: 'busy', retryAfterSeconds: 3600, attempts: 1 })
  })

  it('end with the time of the call', async () => {
    const silent: typeof fetch = () => new Promise(() => {})
    const shop = new VaultClient({ url: vault.url, credentials: { accessToken: 'x' }, fetch: silent })
    const options = { timeoutMs: 50 }
    expect(await failureOf(shop.checkouts.tokenize({ contact }, options))).toMatchObject({ reason: 'timeout' })
  })

  it('end when the caller aborts, with the reason of the caller', async () => {
    const shop = await newClient(vault, 'checkout', { fetch: async () => busy('1') })
    const ending = new AbortController()
    const call = failureOf(shop.checkouts.tokenize({ contact }, { signal: ending.signal }))
    ending.abort(new Error('the shopper left'))
    expect(await call).toMatchObject({ message: 'the shopper left' })
    expect(await failureOf(shop.checkouts.tokenize({ contact }, { signal: AbortSignal.abort('before') }))).toBe(
      'before',
    )
  })

  it('of one caller that leaves do not take the new token from the others', async () => {
    const sent = noteRequests(vault)
    const shop = await newClient(vault, 'checkout', { fetch: sent.fetch })
    const ending = new AbortController()
    const leaving = failureOf(shop.checkouts.tokenize({ contact }, { signal: ending.signal }))
    const staying = shop.checkouts.tokenize({ contact })
    ending.abort()
    expect(await leaving).toMatchObject({ name: 'AbortError' })
    expect(await staying).toHaveProperty('contact.token')
    expect(sent.of('/oauth/token')).toHaveLength(1)
  })
})

describe('answers', () => {
  it('come with their status, headers and request id when they are asked for', async () => {
    const support = await newStaff(vault, 'support')
    const { token } = (await vault.tokenize({ card })).card!
    const { data, response } = await support.tokens.get(token!).withResponse()
    expect(data).toMatchObject({ token, last4: '4242' })
    expect(response).toMatchObject({ status: 200, attempts: 1, idempotencyKey: undefined })
    expect(response.requestId).toBe(response.headers.get('request-id'))
  })

  it('in pages are read one item after the other', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    const support = await newStaff(vault, 'support')
    for (let reads = 0; reads < 5; reads++) await support.tokens.get(token!)
    const auditor = await newStaff(vault, 'auditor')
    const types: unknown[] = []
    const filter = { token: token!, limit: 2 }
    for await (const event of auditor.audit.events(filter)) types.push(event.type)
    expect(types).toEqual(['record.tokenize', ...Array.from({ length: 5 }, () => 'record.read')])
    expect((await auditor.audit.events(filter).page()).events).toHaveLength(2)
  })

  it('of a call that has no method are given as they are', async () => {
    const { data, response } = await new VaultClient({ url: vault.url, fetch: createNodeFetch({ ca: vault.ca }) })
      .request({ method: 'GET', path: '/problems/busy', isPublic: true, answer: 'text' })
      .withResponse()
    expect(response.status).toBe(200)
    expect(data).toContain('busy')
  })
})
