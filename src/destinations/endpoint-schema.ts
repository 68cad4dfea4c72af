import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { issue } from '../values/parse-input.ts'

/** RFC 1123 section 2.1, or an IPv6 address. */
const HOST = /^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])$/
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The id of the partner that an endpoint belongs to. */
export const partnerId = z.string().regex(/^partner_[0-9a-z]{26}$/)

/** The only authorities that are trusted for an endpoint. */
export const certificates = z
  .string()
  .max(64 * 1024)
  .refine(areCertificates, issue('invalid-input', 'expected certificates in PEM'))

export function isHttpsOrigin(value: string): boolean {
  const url = URL.parse(value)
  return url?.protocol === 'https:' && url.origin === value && url.port !== '0' && HOST.test(url.hostname)
}

/** Why an endpoint may not be at that host: a file names an address by number, or a name that is not public, only on purpose. */
export function hostFault(url: string, privateAddresses: boolean): string | undefined {
  const { hostname } = new URL(url)
  const isName =
    /\.[a-z][a-z0-9-]*$/.test(hostname) && !/(^|\.)(localhost|local|internal|lan|home|arpa)$/.test(hostname)
  if (isName || privateAddresses) return undefined
  return 'expected a public host name; another one needs private_addresses'
}

function areCertificates(pem: string): boolean {
  const blocks = pem.match(CERTIFICATE) ?? []
  try {
    for (const block of blocks) new X509Certificate(block)
  } catch {
    return false
  }
  return blocks.length > 0 && pem.replaceAll(CERTIFICATE, '').trim() === ''
}
