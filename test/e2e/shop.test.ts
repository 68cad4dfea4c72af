import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { findFreePorts, type RunningProgram, startProgram } from '../support/run-program.ts'
import { projectRoot } from '../support/source-files.ts'
import { VaultProcess } from '../support/vault-process.ts'

const CARD_NUMBER = '4242 4242 4242 4242'

let vault: VaultProcess
let shop: RunningProgram
let url: string
let ordersFile: string

beforeAll(async () => {
  vault = await VaultProcess.start()
  ordersFile = path.join(vault.directory, 'orders.jsonl')
})
afterAll(() => vault.remove())
beforeEach(openShop)
afterEach(async () => {
  const everything = `${shop.output.stdout}${shop.output.stderr}${existsSync(ordersFile) ? readFileSync(ordersFile) : ''}`
  expect(everything).not.toMatch(/4242[ -]?4242[ -]?4242/)
  expect(everything).not.toContain('Marina View')
  await closeShop('SIGTERM')
})

async function openShop(): Promise<void> {
  const [port] = await findFreePorts(1)
  shop = startProgram({
    command: process.execPath,
    args: [path.join(projectRoot, 'examples/shop/shop.ts')],
    cwd: projectRoot,
    env: {
      PATH: vault.env.PATH!,
      VAULT_URL: `https://localhost:${vault.port}`,
      VAULT_CA_FILE: path.join(vault.directory, 'certs/ca.pem'),
      VAULT_CREDENTIALS_FILE: vault.file('sample-callers.json'),
      SHOP_ORDERS_FILE: ordersFile,
      SHOP_PORT: String(port),
    },
  })
  url = `http://localhost:${port}`
  await vi.waitFor(() => expect(shop.output.stdout).toContain(`The shop is open at ${url}`), { timeout: 20_000 })
}

async function closeShop(signal: NodeJS.Signals): Promise<void> {
  shop.child.kill(signal)
  await shop.ended
}

/** The form as the page has it, with what a browser would send. */
async function openForm(): Promise<URLSearchParams> {
  const html = await (await fetch(url)).text()
  return new URLSearchParams(
    Object.fromEntries(
      [...html.matchAll(/name="(\w+)"[^>]* value="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
    ),
  )
}

const pay = (form: URLSearchParams, changes: Record<string, string> = {}) =>
  fetch(`${url}/orders`, {
    method: 'POST',
    body: new URLSearchParams({ ...Object.fromEntries(form), ...changes }),
    redirect: 'manual',
  })

const orders = () =>
  readFileSync(ordersFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>)

it('keeps tokens with the order, and shows the card masked', async () => {
  const form = await openForm()
  expect(form.get('number')).toBe(CARD_NUMBER)
  const paid = await pay(form)
  expect([paid.status, paid.headers.get('location')]).toEqual([303, `/orders/${form.get('order')}`])
  const page = await (await fetch(`${url}/orders/${form.get('order')}`)).text()
  expect(page).toContain('visa •••• 4242, valid until 12/2031')
  const order = orders().find(({ id }) => id === form.get('order'))
  expect(order).toMatchObject({
    cardToken: expect.stringMatching(/^card_/),
    shippingAddressToken: expect.stringMatching(/^addr_/),
    contactToken: expect.stringMatching(/^cont_/),
  })
  const token = await vault.token('fulfilment')
  const revealed = await vault.call('POST', `/v1/tokens/${order!.shippingAddressToken}/reveal`, {
    token,
    body: { purpose: 'provide-goods' },
  })
  expect(revealed.text).toContain('8 Marina View')
})

it('a form that is sent twice at once is one order', async () => {
  const form = await openForm()
  const answers = await Promise.all([pay(form), pay(form)])
  expect(answers.map(({ status }) => status)).toEqual([303, 303])
  expect(orders().filter(({ id }) => id === form.get('order'))).toHaveLength(1)
})

it('a shop that lost its order before it was written gets the same tokens again', async () => {
  const form = await openForm()
  await pay(form)
  const before = orders().find(({ id }) => id === form.get('order'))
  await closeShop('SIGKILL')
  rmSync(ordersFile)
  await openShop()
  expect((await pay(form)).status).toBe(303)
  expect(orders()).toEqual([{ ...before, placedAt: expect.any(String) }])
})

it('waits for a vault that is restarted, and asks it again', async () => {
  const form = await openForm()
  await vault.kill('SIGKILL')
  const paying = pay(form)
  await vault.start()
  const paid = await paying
  // Patience is for a shopper: a vault that takes longer to start on a busy machine gets the same form again.
  expect([303, 503]).toContain(paid.status)
  if (paid.status === 503) expect((await pay(form)).status).toBe(303)
  expect(orders().filter(({ id }) => id === form.get('order'))).toHaveLength(1)
})

it('says what the shopper has to change, and takes the same order afterwards', async () => {
  const form = await openForm()
  const refused = await pay(form, { number: '4242 4242 4242 4241' })
  expect([refused.status, await refused.text()]).toEqual([422, expect.stringContaining('Please check your card.')])
  expect((await pay(form, { country: 'Nowhere' })).status).toBe(422)
  await vi.waitFor(() => expect(shop.output.stdout).toContain('#/card/number'), { timeout: 10_000 })
  expect((await pay(form)).status).toBe(303)
})

it('takes a form that was changed after it was stored for another order', async () => {
  const form = await openForm()
  await pay(form)
  await closeShop('SIGKILL')
  rmSync(ordersFile)
  await openShop()
  const changed = await pay(form, { exp_year: '2032' })
  expect(changed.status).toBe(409)
  expect(await changed.text()).not.toContain(form.get('order'))
})

it('asks the vault for nothing when the order has no id of its own', async () => {
  expect((await pay(await openForm(), { order: '../1' })).status).toBe(400)
  expect((await fetch(`${url}/orders/none`)).status).toBe(404)
})
