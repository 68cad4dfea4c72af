import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { API_KEY, Forwarding } from '../support/forwarding.ts'
import { LeakScanner } from '../support/leak-scanner.ts'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { dumpDatabase } from '../support/postgres.ts'
import type { Answering } from '../support/processor.ts'
import { createTestCardNumbers } from '../support/test-cards.ts'

/** Attack 91: a processor that repeats what it was sent, in every form that it can think of. */

const FORWARDS = 1_000
const AT_ONCE = 20
/** Of the longest brand, so that it is found by itself. */
const CODE = '7391'

let cluster: OwnCluster
let shop: Forwarding
const numbers = createTestCardNumbers(FORWARDS)
const answersOfVault: string[] = []

/** One form after the other, each in the body and in a header. */
const echo: Answering = (request, response) => {
  const { card } = JSON.parse(request.body) as { card: { number: string; cvc?: string } }
  const { number, cvc } = card
  const base64 = Buffer.from(request.body).toString('base64')
  const forms = [
    number,
    number.replace(/(.{4})(?=.)/g, '$1 '),
    number.replace(/(.{4})(?=.)/g, '$1-'),
    encodeURIComponent([...number].map((digit) => `%3${digit}`).join('')),
    Buffer.from(number).toString('base64'),
    Buffer.from(`x${number}`).toString('base64url'),
    Buffer.from(number).toString('hex'),
    base64,
    request.body,
    [...number].join(' '),
    request.headers.authorization ?? '',
  ]
  const form = forms[Math.floor(Math.random() * forms.length)]!
  response.setHeader('X-Echo', encodeURI(form))
  response.setHeader('Content-Type', 'application/json')
  response.end(
    JSON.stringify({ id: form, status: 'declined', echo: forms, sent: { number: Number(number), card, [form]: cvc } }),
  )
}

beforeAll(async () => {
  cluster = await startOwnCluster()
  shop = await Forwarding.start({ sharedDatabase: cluster, config: { logLevel: 'debug' } })
  shop.processor.answer = echo
  const token = await shop.vault.clientToken(['tokenize'], { role: 'checkout' })
  const queue = [...numbers]
  const work = async () => {
    for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
      const body = { card: { number, exp_month: 12, exp_year: 2031 } }
      const { card } = (await shop.vault.call('POST', '/v1/tokenize', { token, body })).body
      const isAmex = number.length === 15
      const code = isAmex ? { card: card.token, code: CODE } : undefined
      const kept = code && (await shop.vault.call('POST', '/v1/security-codes', { token, body: code })).body
      const answer = await shop.send({ card: card.token }, isAmex ? { security_code: kept.security_code } : {})
      expect(answer.status, 'a forward').toBe(200)
      answersOfVault.push(JSON.stringify(answer.headers), answer.text)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}, 120_000)
afterAll(async () => {
  await shop?.stop()
  await cluster?.drop()
})

describe(`of ${FORWARDS} forwards`, () => {
  const scanner = new LeakScanner([
    ...numbers.map((value) => ({ name: 'card number', value, isCardNumber: true as const })),
    { name: 'secret', value: API_KEY },
  ])
  const ofCode = new RegExp(`(?<![0-9A-Za-z.])${CODE}(?![0-9A-Za-z])`)

  it('each arrived with its number', () => {
    expect(shop.processor.received.map(({ body }) => JSON.parse(body).card.number).sort()).toEqual([...numbers].sort())
    expect(shop.processor.received.filter(({ body }) => JSON.parse(body).card.cvc === CODE).length).toBeGreaterThan(100)
  })

  it('no number, code or secret is in an answer', () => {
    const text = answersOfVault.join('\n')
    expect(text).toContain('[removed]')
    expect(scanner.scanText(text)).toEqual([])
    expect(text).not.toMatch(ofCode)
  })

  it('none is in a log line', () => {
    const text = shop.vault.logLines.join('\n')
    expect(text.length).toBeGreaterThan(100_000)
    expect(scanner.scanText(text)).toEqual([])
    expect(text).not.toMatch(ofCode)
  })

  it('none is in the database', async () => {
    const dump = await dumpDatabase(cluster)
    expect(dump).toContain('record.forward')
    expect(scanner.scanText(dump)).toEqual([])
    // Four digits can be in a dump by chance, as a count or a time. A code that was stored is there for each of its forwards.
    expect([...dump.matchAll(new RegExp(ofCode, 'g'))].length).toBeLessThan(10)
  })

  it('none is in its files, the write-ahead log among them', async () => {
    await cluster.sql('CHECKPOINT')
    const { finds, files, bytes } = scanner.scanDirectory(cluster.files)
    expect(finds).toEqual([])
    expect(files).toContainEqual(expect.stringMatching(/^pg_wal\/[0-9A-F]{24}$/))
    expect(bytes).toBeGreaterThan(20_000_000)
  })
})
