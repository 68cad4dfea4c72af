/**
 * `npm run demo:shop`: a shopper pays in a browser. It shows what the shop learns, and what staff see. With `--screenshots` it
 * writes the pictures of the documentation. It needs Chromium.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Credentials, VaultClient } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { chromium, type Page } from 'playwright-core'
import { startBrowserShop } from './shop/browser-shop.ts'

const STRONGROOM = path.join(import.meta.dirname, '../dist/src/cli.js')
const POLICY = path.join(import.meta.dirname, '../ops/privacy-policy.md')
const IMAGES = path.join(import.meta.dirname, '../docs/images')
const { CHROMIUM = '/usr/bin/chromium' } = process.env
const START_WITHIN_MS = 120_000

const takesScreenshots = process.argv.includes('--screenshots')

/** What the shopper types. None of it may be in the shop's log. */
const TYPED = { number: '4242424242424242', holder: 'Tan Mei Ling', line1: '8 Marina View', postalCode: '018960' }

const say = (line: string) => process.stdout.write(`${line}\n`)

async function demo(): Promise<void> {
  if (!existsSync(CHROMIUM)) throw new Error(`there is no ${CHROMIUM}: install chromium, or set CHROMIUM to its path`)
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-shop-'))
  const [port, operatorPort] = [await freePort(), await freePort()]
  const caFile = path.join(directory, 'certs/ca.pem')
  const env = {
    PATH: process.env.PATH,
    HOME: directory,
    STRONGROOM_DATA_DIR: path.join(directory, 'data'),
    STRONGROOM_CERTS_DIR: path.join(directory, 'certs'),
    STRONGROOM_PORT: String(port),
    STRONGROOM_OPERATOR_PORT: String(operatorPort),
    STRONGROOM_WORKERS: '1',
    STRONGROOM_LOG_LEVEL: 'error',
  }
  say('A vault is made: PostgreSQL, keys, a certificate, callers …')
  const child = spawn(process.execPath, [STRONGROOM, 'serve'], { env, stdio: 'ignore' })
  const ended = once(child, 'close')
  try {
    const url = `https://localhost:${port}`
    await waitUntilReady(child, url, caFile)
    const ca = readFileSync(caFile, 'utf8')
    const operate = async (...args: string[]) => {
      const { stdout } = await promisify(execFile)(process.execPath, [STRONGROOM, ...args, '--json'], { env })
      return JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, string>
    }
    await operate('policy', 'publish', POLICY)
    const staff = await operate('staff', 'token', '--name', 'Sara', '--role', 'support')
    const callers = JSON.parse(readFileSync(path.join(directory, 'data/sample-callers.json'), 'utf8'))
    const { client_id, client_secret } = callers.find(({ role }: { role: string }) => role === 'checkout')
    const as = (credentials: Credentials) => new VaultClient({ url, credentials, fetch: createNodeFetch({ ca }) })
    const shop = as({ clientId: client_id, clientSecret: client_secret })
    await shopAndLook(shop, as({ accessToken: staff.access_token! }), url)
  } finally {
    child.kill('SIGTERM')
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
}

async function shopAndLook(client: VaultClient, staff: VaultClient, vaultUrl: string): Promise<void> {
  const log: string[] = []
  const shop = await startBrowserShop(client, { vaultUrl, log: (line) => log.push(line) })
  // The certificate of the vault is of an authority that this machine alone knows.
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] })
  try {
    const viewport = { width: 520, height: 860 }
    const page = await (await browser.newContext({ ignoreHTTPSErrors: true, viewport })).newPage()
    say('\n1. A shopper fills in the form of the vault on the page of the shop, and presses Pay.')
    await page.goto(shop.origin)
    await fill(page)
    await screenshot(page, 'checkout-fields')
    await page.getByRole('button', { name: 'Pay' }).press('Enter')
    await page.getByText('Thank you').waitFor()

    say('\n2. This is all that the shop has learned:')
    for (const line of log) say(`   ${line}`)
    const leaked = Object.values(TYPED).filter((value) => log.join('\n').includes(value))
    if (leaked.length > 0) throw new Error('the shop has learned what the shopper typed')

    say('\n3. Staff look at the order. They see the card masked:')
    const { card } = shop.orders().find((order) => order.card !== undefined)!
    const seen = await staff.tokens.get(card!.token)
    say(`   ${JSON.stringify(seen)}`)

    if (takesScreenshots) {
      const hosted = await client.checkouts.openSession({ origins: [shop.origin], consents: ['store-card'] })
      await page.setViewportSize({ width: 720, height: 640 })
      await page.goto(hosted.url)
      await page.getByLabel('Card number').fill(TYPED.number)
      await page.getByLabel('Card number').blur()
      await screenshot(page, 'checkout-hosted')
    }
  } finally {
    await browser.close()
    await shop.close()
  }
}

async function fill(page: Page): Promise<void> {
  const fields = page.frameLocator('iframe')
  await fields.getByLabel('Card number').fill(TYPED.number)
  await fields.getByLabel('Expiry date').fill('12/31')
  await fields.getByLabel('Name on card').fill(TYPED.holder)
  await fields.getByLabel('Company').waitFor()
  await fields.getByLabel('Address', { exact: true }).fill(TYPED.line1)
  await fields.getByLabel('Postal code').fill(TYPED.postalCode)
  await fields.getByLabel('Postal code').blur()
}

async function screenshot(page: Page, name: string): Promise<void> {
  if (takesScreenshots) {
    await page.screenshot({ path: path.join(IMAGES, `${name}.png`), fullPage: true, animations: 'disabled' })
  }
}

async function waitUntilReady(child: ChildProcess, url: string, caFile: string): Promise<void> {
  const until = Date.now() + START_WITHIN_MS
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error('the vault has ended: look at it with "npm start"')
    if (existsSync(caFile)) {
      const vault = new VaultClient({ url, fetch: createNodeFetch({ ca: readFileSync(caFile) }), retries: 0 })
      const ready = vault.request({ method: 'GET', path: '/readyz', isPublic: true })
      if ((await ready.catch(() => undefined)) !== undefined) return
    }
    await wait(50)
  }
  throw new Error('the vault did not start in time')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

try {
  await demo()
  say('\nDone. The throw-away vault is gone.')
} catch (error) {
  process.stderr.write(`The demo has ended: ${(error as Error).message}\n`)
  process.exitCode = 1
}
