import { createHash, X509Certificate } from 'node:crypto'
import type { PeerCertificate } from '../../http/route.ts'
import { CallerError } from '../callers/clients.ts'
import { THUMBPRINT } from '../policy/public-jwk.ts'

/**
 * Client certificates, RFC 8705. TLS has proved that the peer holds the private key; this file decides which client
 * that is.
 *
 * A client is registered by one text: a form, a colon, and what the certificate must show.
 *
 *     subject:CN=carrier,O=Acme,C=SG    its subject, as RFC 4514 writes it (`openssl x509 -subject -nameopt RFC2253`)
 *     dns:… uri:… email:…               one of its subject alternative names
 *     sha256:…                          the certificate itself, with any signer (section 2.2)
 */
const REGISTRATION = /^(?:subject:[A-Za-z0-9.]+=.+|(?:dns|uri|email):\S+|sha256:(?<thumbprint>\S+))$/
const MAX_LENGTH = 512

/** @throws {CallerError} for a text that no certificate could show */
export function parseCertificateRegistration(text: string): string {
  const thumbprint = REGISTRATION.exec(text)?.groups?.thumbprint
  const isUsable = REGISTRATION.test(text) && (thumbprint === undefined || THUMBPRINT.test(thumbprint))
  if (isUsable && text.length <= MAX_LENGTH) return text
  throw new CallerError(
    'a certificate is known by subject:<DN>, dns:<name>, uri:<URI>, email:<address> or sha256:<hash>',
  )
}

/** Registers one certificate, self-signed or not. @throws {CallerError} if it is none */
export function registrationOf(pem: string): string {
  try {
    return `sha256:${certificateThumbprint({ der: new X509Certificate(pem).raw })}`
  } catch {
    throw new CallerError('the file holds no certificate in PEM.')
  }
}

/** RFC 8705 section 3.1: SHA-256 over the certificate in DER, base64url. */
export function certificateThumbprint({ der }: Pick<PeerCertificate, 'der'>): string {
  return createHash('sha256').update(der).digest('base64url')
}

/** Whether the connection was made with the certificate that a token is bound to. */
export function isCertificate(certificate: PeerCertificate | undefined, thumbprint: string | undefined): boolean {
  return certificate !== undefined && certificateThumbprint(certificate) === thumbprint
}

/**
 * Whether the certificate is the registered client's. A name counts only under a trusted authority (section 2.1); a
 * certificate that is registered itself needs none. It must be valid now: a resumed connection was not asked again.
 */
export function matchesRegistration(registered: string, certificate: PeerCertificate, now: Date): boolean {
  const [, form, value] = /^([a-z0-9]+):(.+)$/s.exec(registered) ?? []
  const { raw, subject, subjectAltName } = new X509Certificate(certificate.der)
  if (!isValidAt(certificate, now)) return false
  if (form === 'sha256') return certificateThumbprint({ der: raw }) === value
  if (!certificate.isTrusted) return false
  if (form === 'subject') return distinguishedName(subject) === value
  return alternativeNames(subjectAltName ?? '').some(([type, name]) => type === form && name === value)
}

export function isValidAt({ der }: PeerCertificate, now: Date): boolean {
  const { validFromDate, validToDate } = new X509Certificate(der)
  return validFromDate <= now && now <= validToDate
}

/** Node writes one part a line, outermost first, escaped as RFC 2253 has it; RFC 4514 begins with the innermost. */
function distinguishedName(lines: string | undefined): string {
  return (lines ?? '').split('\n').reverse().join(',')
}

/**
 * Node's `DNS:a.example, URI:"with, a comma"`. A name with unusual characters is in quotation marks as JSON writes it.
 * Splitting at commas would find names that the certificate does not have (CVE-2021-44532).
 */
function alternativeNames(text: string): [type: string, name: string][] {
  const one = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y
  const names: [string, string][] = []
  while (one.lastIndex < text.length) {
    const [, type, name] = one.exec(text) ?? []
    if (type === undefined || name === undefined) return []
    names.push([type.toLowerCase(), name.startsWith('"') ? String(JSON.parse(name)) : name])
  }
  return names
}
