import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CertificateWish, createClientAuthority } from '../../../test/support/client-certificates.ts'
import { CallerError } from '../callers/clients.ts'
import {
  certificateThumbprint,
  isCertificate,
  matchesRegistration,
  parseCertificateRegistration,
  registrationOf,
} from './client-certificate.ts'

let authority: Awaited<ReturnType<typeof createClientAuthority>>
beforeAll(async () => {
  authority = await createClientAuthority()
})

const NOW = new Date()
const shown = async (wish: CertificateWish, isTrusted = true) => {
  const { cert } = await authority.issue(wish)
  return { der: new X509Certificate(cert).raw, isTrusted }
}
const SUBJECT = 'CN=carrier,O=Acme\\, Inc.,C=SG'

describe('a client that is registered by a name', () => {
  const wish: CertificateWish = {
    subject: 'C=SG, O="Acme, Inc.", CN=carrier',
    names: [
      { type: 'dns', value: 'carrier.example' },
      { type: 'url', value: 'spiffe://acme/carrier' },
      { type: 'email', value: 'ops@carrier.example' },
    ],
  }

  it.each([`subject:${SUBJECT}`, 'dns:carrier.example', 'uri:spiffe://acme/carrier', 'email:ops@carrier.example'])(
    'is known by %s, under a trusted authority only',
    async (registered) => {
      expect(parseCertificateRegistration(registered)).toBe(registered)
      expect(matchesRegistration(registered, await shown(wish), NOW)).toBe(true)
      expect(matchesRegistration(registered, await shown(wish, false), NOW)).toBe(false)
    },
  )

  it.each([
    'subject:CN=carrier',
    'subject:C=SG,O=Acme\\, Inc.,CN=carrier',
    'subject:cn=carrier,O=Acme\\, Inc.,C=SG',
    `subject:${SUBJECT},`,
    'dns:carrier.example.evil.example',
    'dns:Carrier.example',
    'dns:example',
    'uri:carrier.example',
    'email:carrier.example',
    'dns:spiffe://acme/carrier',
  ])('is not known by %s', async (registered) => {
    expect(matchesRegistration(registered, await shown(wish), NOW)).toBe(false)
  })

  // CVE-2021-44532: names made to look like several when they are written in a line.
  it.each<CertificateWish>([
    { subject: 'CN=x', names: [{ type: 'url', value: 'https://evil.example, DNS:carrier.example, x' }] },
    { subject: 'CN=x', names: [{ type: 'url', value: 'a", DNS:carrier.example, URI:"b' }] },
    { subject: 'CN=x', names: [{ type: 'dns', value: 'carrier.example\u0000.evil.example' }] },
    { subject: 'CN=dns:carrier.example' },
  ])('is not imitated by strange names: %j', async (strange) => {
    expect(matchesRegistration('dns:carrier.example', await shown(strange), NOW)).toBe(false)
  })

  it('is not imitated by one part of a subject that looks like several', async () => {
    for (const subject of ['CN="carrier,O=Acme\\, Inc.,C=SG"', 'CN="C=SG\nO=Acme\nCN=carrier"']) {
      const strange = await shown({ subject }).catch(() => undefined)
      if (strange === undefined) continue
      expect(matchesRegistration(`subject:${SUBJECT}`, strange, NOW)).toBe(false)
      expect(matchesRegistration('subject:CN=carrier,O=Acme,C=SG', strange, NOW)).toBe(false)
    }
  })
})

describe('a client that is registered by its certificate', () => {
  it('is known by that certificate, whoever signed it, while it is valid', async () => {
    const { cert } = await authority.selfSigned({ subject: 'CN=self' })
    const certificate = { der: new X509Certificate(cert).raw, isTrusted: false }
    const registered = registrationOf(cert)
    expect(parseCertificateRegistration(registered)).toBe(registered)
    expect(matchesRegistration(registered, certificate, NOW)).toBe(true)
    for (const hours of [-2, 25]) {
      expect(matchesRegistration(registered, certificate, new Date(NOW.getTime() + hours * 3_600_000))).toBe(false)
    }
    expect(matchesRegistration(registered, await shown({ subject: 'CN=self' }), NOW)).toBe(false)
  })

  it('is bound by the same thumbprint', async () => {
    const [one, other] = [await shown({ subject: 'CN=a' }), await shown({ subject: 'CN=a' })]
    expect(isCertificate(one, certificateThumbprint(one))).toBe(true)
    expect(isCertificate(other, certificateThumbprint(one))).toBe(false)
    expect(isCertificate(undefined, certificateThumbprint(one))).toBe(false)
    expect(isCertificate(one, undefined)).toBe(false)
  })
})

it.each([
  '',
  'carrier',
  'subject:',
  'subject:carrier',
  'dns:',
  'dns:a b',
  'ip:127.0.0.1',
  'sha256:short',
  `dns:${'a'.repeat(600)}`,
])('no client can be registered by %j', (text) => {
  expect(() => parseCertificateRegistration(text)).toThrow(CallerError)
})

it('no client can be registered by a text that is not a certificate', () => {
  expect(() => registrationOf('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')).toThrow(CallerError)
})
