import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientAuthority } from '../../test/support/client-certificates.ts'
import { findAddressFaults, type PublicAddress } from './public-address.ts'

let directory: string
let address: PublicAddress

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-address-'))
  const certFile = path.join(directory, 'server.pem')
  const authority = await createClientAuthority()
  writeFileSync(
    certFile,
    (await authority.issue({ subject: 'CN=vault', names: [{ type: 'dns', value: 'vault.example' }] })).cert,
  )
  address = {
    production: true,
    issuer: 'https://vault.example',
    host: '192.0.2.1',
    tls: { certFile },
    trustedProxies: [],
  }
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const faults = (changes: Partial<PublicAddress>) => findAddressFaults({ ...address, ...changes })

describe('a vault in production', () => {
  it.each(['192.0.2.1', '0.0.0.0', '::', 'vault.internal'])('may listen on %s', async (host) => {
    expect(await faults({ host })).toEqual([])
  })

  it.each([
    'https://localhost:8443',
    'https://LOCALHOST',
    'https://localhost.',
    'https://vault.localhost',
    'https://localhost.localdomain',
    'https://127.0.0.1',
    'https://127.1',
    'https://0x7f000001:8443',
    'https://[::1]:8443',
    'https://[::ffff:127.0.0.1]',
    'https://0.0.0.0:8443',
    'https://[::]',
  ])('does not call itself %s', async (issuer) => {
    expect(await faults({ issuer })).toEqual([
      {
        code: 'issuer-local',
        detail: expect.stringMatching(/^the vault calls itself .*: set STRONGROOM_ISSUER .*\.$/),
      },
    ])
  })

  it.each(['https://localhost.example', 'https://mylocalhost', 'https://128.0.0.1', 'https://[2001:db8::1]'])(
    'may call itself %s, which is another machine',
    async (issuer) => {
      expect((await faults({ issuer })).filter(({ severity }) => severity === undefined)).toEqual([])
    },
  )

  it.each(['127.0.0.1', 'localhost', '::1'])('is warned when it listens on %s only', async (host) => {
    expect(await faults({ host })).toMatchObject([{ code: 'host-local', severity: 'warning' }])
  })

  it('is warned when its certificate is for another name', async () => {
    expect(await faults({ issuer: 'https://other.example' })).toMatchObject([
      { code: 'issuer-not-on-certificate', severity: 'warning' },
    ])
  })

  it('behind a proxy listens on its own address, with its own certificate', async () => {
    const behind = { host: '127.0.0.1', issuer: 'https://shop.example', trustedProxies: ['10.0.0.1'] }
    expect(await faults(behind)).toEqual([])
    expect(await faults({ ...behind, issuer: 'https://localhost' })).toMatchObject([{ code: 'issuer-local' }])
  })
})

it('a vault that is tried out is at home', async () => {
  expect(await faults({ production: false, issuer: 'https://localhost:8443', host: '127.0.0.1' })).toEqual([])
})
