import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createClientAuthority } from '../../../test/support/client-certificates.ts'
import { type ClientCrl, readClientCrl, watchClientCrl } from './client-crl.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-crl-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const inHours = (hours: number) => new Date(Date.now() + hours * 60 * 60 * 1000)

async function read(...lists: string[]): Promise<ClientCrl> {
  const file = path.join(directory, 'crl.pem')
  writeFileSync(file, lists.join(''))
  return readClientCrl(file)
}

it('refuses what its issuer has revoked, and nothing of another issuer', async () => {
  const [one, other] = [await createClientAuthority('CN=One, C=SG'), await createClientAuthority('CN=Other, C=SG')]
  const [bad, good] = [await one.issue({ subject: 'CN=bad' }), await one.issue({ subject: 'CN=good' })]
  const refuses = async (crl: ClientCrl, pem: string, now = inHours(0)) => crl.refuses(new X509Certificate(pem), now)
  const crl = await read(await one.revoke([bad]), await other.revoke([good]))
  expect(crl.pem).toHaveLength(2)
  expect(await refuses(crl, bad.cert)).toBe(true)
  expect(await refuses(crl, good.cert)).toBe(false)
  expect(await refuses(crl, (await other.issue({ subject: 'CN=bad' })).cert)).toBe(false)
  // After the list is out of date, it is unknown what a new one would say.
  expect(await refuses(crl, good.cert, inHours(25))).toBe(true)
  expect(await refuses(await read(await other.revoke([])), good.cert, inHours(25))).toBe(false)
})

it('is an alert once a list is out of date, one for each list', async () => {
  const [one, other] = [await createClientAuthority('CN=One'), await createClientAuthority('CN=Other')]
  let crl: ClientCrl | undefined = await read(await one.revoke([], [-3, -1]), await other.revoke([]))
  const alert = vi.fn()
  vi.useFakeTimers()
  try {
    const watching = watchClientCrl(() => crl, alert)
    vi.advanceTimersByTime(60 * 60 * 1000)
    expect(alert).toHaveBeenCalledTimes(1)
    expect(alert).toHaveBeenCalledWith('client-crl-out-of-date', { issuer: 'CN=One', until: expect.any(String) })
    vi.advanceTimersByTime(24 * 60 * 60 * 1000)
    expect(alert).toHaveBeenCalledTimes(2)
    crl = undefined
    vi.advanceTimersByTime(60 * 60 * 1000)
    expect(alert).toHaveBeenCalledTimes(2)
    watching.close()
  } finally {
    vi.useRealTimers()
  }
})
