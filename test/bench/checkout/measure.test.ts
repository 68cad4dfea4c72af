/**
 * `npm run bench:checkout`: how large the scripts of browsers are, how soon a shopper can type, and what a session costs beside a
 * checkout that the shop's server stores by itself.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { CheckoutBrowser } from '../../support/browser/checkout-browser.ts'

const ROUNDS = 200
const MOUNTS = 15

const CARD = { card: { number: '4242424242424242', exp_month: 12, exp_year: 2031 } }

const print = (text: string) => process.stdout.write(`${text}\n`)
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!

function report(what: string, value: number, unit: string, most: number): void {
  print(`${what.padEnd(46)} ${value.toFixed(unit === 'ms' ? 1 : 2)} ${unit}, at most ${most} ${unit}`)
  expect(value, what).toBeLessThanOrEqual(most)
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await act()
  return performance.now() - began
}

let there: CheckoutBrowser

beforeAll(async () => {
  there = await CheckoutBrowser.open({ STRONGROOM_CARDS_PER_SOURCE: '1000000' })
})
afterAll(() => there?.close())

it.each([
  ['checkout', 4],
  ['page', 25],
])('%s.js is small', (name, most) => {
  const script = readFileSync(new URL(`../../../dist/checkout/${name}.js`, import.meta.url))
  report(`${name}.js, gzip`, gzipSync(script).length / 1024, 'KiB', most)
})

it('a session costs little', measureSessions)

it('a shopper types at once', measureFirstKeystroke)

/** A session, its checkout, and a checkout alone, in turns. */
async function measureSessions(): Promise<void> {
  const token = await there.vault.token('checkout')
  const alone: number[] = []
  const keyed: number[] = []
  const opened: number[] = []
  const together: number[] = []
  const body = { origins: [there.shop.origin] }
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await timed(() => created('/v1/tokenize', token, CARD)))
    // A session stores its checkout under a key as well.
    keyed.push(await timed(() => created('/v1/tokenize', token, CARD, { 'idempotency-key': randomUUID() })))
    let session = ''
    const opening = await timed(async () => {
      session = ((await created('/v1/checkout-sessions', token, body)) as { token: string }).token
    })
    const storing = await timed(() => created('/v1/tokenize', session, CARD, { origin: there.origin }))
    opened.push(opening)
    together.push(opening + storing)
  }
  print(`medians of ${ROUNDS}, in ms`)
  for (const [what, took] of Object.entries({
    tokenize: alone,
    'under a key': keyed,
    'opening a session': opened,
    'session and tokenize': together,
  }))
    print(`${what.padEnd(46)} ${median(took).toFixed(2)}`)
  report('session and tokenize, in calls of tokenize', median(together) / median(alone), 'times', 2)
}

async function created(path: string, token: string, body: unknown, headers: Record<string, string> = {}) {
  const answer = await there.vault.call('POST', path, { token, body, headers })
  if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.text}`)
  return answer.body
}

/** From `mount` until a typed digit is in the field. */
async function measureFirstKeystroke(): Promise<void> {
  const context = await there.context()
  const page = await context.newPage()
  const took: number[] = []
  for (let at = 0; at < MOUNTS; at++) {
    await page.goto(await there.shopPage(await there.session(), { script: '' }))
    took.push(
      await timed(async () => {
        await page.evaluate(`checkout.on('ready', () => checkout.focus()).mount('#card')`)
        const input = page.frameLocator('iframe').locator('#card-number')
        await input.press('4')
      }),
    )
  }
  report('first keystroke after mount, median', median(took), 'ms', 300)
}
