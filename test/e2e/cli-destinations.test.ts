import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtProgram } from '../support/built-program.ts'
import { projectRoot } from '../support/source-files.ts'
import { startAtTerminal, terminalIsMissing } from '../support/terminal.ts'
import { VaultProcess } from '../support/vault-process.ts'

const SECRET = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'
const NOWHERE = `partner_${'0'.repeat(26)}`

let vault: VaultProcess
let partner: string
beforeAll(async () => {
  vault = await VaultProcess.start()
  const contract = ['--purpose', 'process-payment', '--until', '2099-12-31', '--field']
  const fields = ['card.number', 'card.exp_month', 'card.exp_year', 'card.holder_name', 'address.postal_code']
  const named = ['--name', 'Stripe', '--country', 'IE', '--contact', 'support']
  partner = (await json<{ partner_id: string }>('partners', 'add', ...named, ...contract, ...fields)).partner_id
})
afterAll(() => vault.remove())

async function json<T>(...args: string[]): Promise<T> {
  const result = await vault.cli([...args, '--json'])
  expect(result.code, result.stderr).toBe(0)
  return result.json<T>()
}

/** The example of the repository, as an operator changes it. */
function example(from: string, to: string): string {
  const text = readFileSync(path.join(projectRoot, 'examples/destinations/stripe.json'), 'utf8')
  const file = path.join(vault.directory, 'destinations.json')
  writeFileSync(file, text.replace(from, to))
  return file
}

describe('destinations', () => {
  it('are checked with where they are bad, and applied when they are not', async () => {
    const bad = await vault.cli(['destinations', 'check', example('"as": "m"', '"as": "yy"'), '--json'])
    expect(bad.code).toBe(1)
    expect(bad.json()).toMatchObject({
      valid: false,
      faults: [
        {
          pointer: '#/destinations/stripe/template/card/exp_month/as',
          detail: 'expected one of: mm, m',
        },
      ],
    })
    const unfit = await vault.cli(['destinations', 'apply', example('', '')])
    expect(unfit.code).toBe(2)
    expect(unfit.stderr).toContain(`#/destinations/stripe/partner: there is no partner ${NOWHERE}`)
    expect(unfit.stderr).toContain('#/destinations/stripe/sign/0/secret: there is no secret stripe-key')

    const set = await vault.pipe(`${SECRET}\n`, ['destinations', 'secret', 'set', 'stripe-key'])
    expect(set).toMatchObject({ code: 0, stdout: 'set\n' })
    const file = example(NOWHERE, partner)
    const checked = await vault.cli(['destinations', 'check', file])
    expect(checked).toMatchObject({ code: 0, stdout: '1 destinations, no fault\n' })
    expect(checked.stderr).not.toContain('warning')
    expect(await json('destinations', 'apply', file)).toEqual({ revision: 1, changed: true })
    expect(await json('destinations', 'apply', file)).toEqual({ revision: 1, changed: false })
    const exported = await json<{ destinations: Record<string, { partner: string }> }>('destinations', 'export')
    expect(exported.destinations.stripe!.partner).toBe(partner)
    writeFileSync(file, JSON.stringify(exported))
    expect(await json('destinations', 'apply', file)).toEqual({ revision: 1, changed: false })
  })

  it('have receivers beside them, which are checked, applied and exported with them', async () => {
    const before = (await vault.cli(['destinations', 'export', '--json'])).stdout
    expect(JSON.parse(before)).not.toHaveProperty('receivers')
    const file = path.join(vault.directory, 'receivers.json')
    const write = (id: string, host = 'alerts.shop.example') => {
      const to = (name: string) => ({ url: `https://${name}/strongroom` })
      const receivers = { partners: { [id]: to('notices.stripe.example') }, alerts: to(host) }
      writeFileSync(file, JSON.stringify({ ...JSON.parse(before), receivers }))
    }
    write(partner, 'localhost')
    const bad = await vault.cli(['destinations', 'check', file])
    expect(bad).toMatchObject({ code: 1, stdout: expect.stringContaining('#/receivers/alerts/url: expected a public') })
    write(NOWHERE)
    const unfit = await vault.cli(['destinations', 'apply', file])
    expect(unfit.stderr).toContain(`#/receivers/partners/${NOWHERE}: there is no partner ${NOWHERE}`)
    write(partner)
    const checked = await vault.cli(['destinations', 'check', file])
    expect(checked).toMatchObject({ code: 0, stdout: '1 destinations, 2 receivers, no fault\n' })
    expect(await json('destinations', 'apply', file)).toEqual({ revision: 2, changed: true })
    expect(await json('destinations', 'export')).toMatchObject({
      receivers: { partners: { [partner]: { private_addresses: false } } },
    })
    writeFileSync(file, before)
    expect(await json('destinations', 'apply', file)).toEqual({ revision: 3, changed: true })
    expect((await vault.cli(['destinations', 'export', '--json'])).stdout).toBe(before)
  })

  it('have secrets that are listed and removed, and never shown', async () => {
    const list = await vault.cli(['destinations', 'secret', 'list', '--json'])
    expect(list.json()).toEqual([{ name: 'stripe-key', set_at: expect.any(String), used_by: ['stripe'] }])
    const removed = await vault.cli(['destinations', 'secret', 'remove', 'stripe-key'])
    expect(removed).toMatchObject({ code: 2, stderr: expect.stringContaining('need it: stripe') })
    const events = await vault.cli(['audit', 'list', '--type', 'destinations.set-secret', '--json'])
    expect(events.json()).toMatchObject([{ subject: 'stripe-key' }])
    for (const { stdout, stderr } of [list, removed, events]) expect(`${stdout}${stderr}`).not.toContain(SECRET)
  })

  it.skipIf(terminalIsMissing() !== undefined)('have secrets that are typed, and not echoed', async () => {
    const terminal = startAtTerminal({
      command: process.execPath,
      args: [builtProgram('cli'), 'destinations', 'secret', 'set', 'typed'],
      cwd: vault.directory,
      env: vault.env,
    })
    await terminal.sees(/The value of typed: /)
    terminal.type(SECRET)
    expect(await terminal.ended).toBe(0)
    expect(terminal.screen()).not.toContain(SECRET)
    expect(await json('destinations', 'secret', 'remove', 'typed')).toEqual({ name: 'typed' })
  })

  it('take no secret as an argument, and no empty one', async () => {
    const argument = await vault.cli(['destinations', 'secret', 'set', 'stripe-key', SECRET])
    expect(argument.code).toBe(2)
    const empty = await vault.pipe('', ['destinations', 'secret', 'set', 'stripe-key'])
    expect(empty).toMatchObject({ code: 2, stderr: expect.stringContaining('1 to 32768 bytes') })
  })
})
