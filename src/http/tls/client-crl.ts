import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Alert, createNewsAlert } from '../../observability/alert.ts'
import { VaultError } from '../../values/vault-error.ts'
import { importX509 } from './development-certificate.ts'

/**
 * The certificate revocation lists of client certificates (RFC 5280 section 5), one for each authority.
 *
 * OpenSSL verifies them at the handshake: signature, times, the whole chain. A handshake may be long ago, since a
 * connection stays open and a session is resumed, and OpenSSL does not check a certificate that is registered itself.
 * So each use of a certificate is compared with the lists once more, by issuer and serial number.
 */
export interface ClientCrl {
  /** One list each, as the `crl` option of TLS takes them. */
  pem: readonly string[]
  /** Whether the certificate counts as none: it is on the list of its issuer, or that list is out of date. */
  refuses(certificate: X509Certificate, now: Date): boolean
  /** The authorities whose lists are out of date: their certificates are refused. */
  outOfDate(now: Date): { issuer: string; nextUpdate: Date }[]
}

const ONE_LIST = /-----BEGIN X509 CRL-----[\s\S]+?-----END X509 CRL-----/g

/** @throws {VaultError} one sentence that names the file, when it cannot be read or holds no list */
export async function readClientCrl(file: string): Promise<ClientCrl> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new VaultError(`the revocation list ${file} cannot be read (${error.code})`, { cause: error })
  })
  // Node reads one list from each text, and passes over the rest of it.
  const pem = text.match(ONE_LIST) ?? []
  const x509 = await importX509()
  const parse = (list: string) => {
    const { issuer, nextUpdate, entries } = new x509.X509Crl(list)
    return { issuer, nextUpdate, serials: new Set(entries.map((entry) => serialOf(entry.serialNumber))) }
  }
  const lists = parsed(() => pem.map(parse))
  if (lists === undefined || lists.length === 0) throw new VaultError(`${file} does not hold a revocation list in PEM`)

  const outOfDate = (now: Date) =>
    lists.flatMap(({ issuer, nextUpdate }) =>
      nextUpdate !== undefined && nextUpdate <= now ? [{ issuer, nextUpdate }] : [],
    )
  return {
    pem,
    refuses(certificate, now) {
      const serial = serialOf(certificate.serialNumber)
      const doubtful = [...lists.filter(({ serials }) => serials.has(serial)), ...outOfDate(now)]
      if (doubtful.length === 0) return false
      // The issuer needs a second parser, so it is read only where it matters.
      const { issuer } = new x509.X509Certificate(certificate.raw)
      return doubtful.some((list) => isSameName(list.issuer, issuer))
    },
    outOfDate,
  }
}

const LOOK_EVERY_MS = 60_000

/**
 * Raises an alert once for each list that is out of date. `look()` looks at once, for when there is another file; `close()` must
 * be called at the end.
 */
export function watchClientCrl(current: () => ClientCrl | undefined, alert: Alert): { look(): void; close(): void } {
  const raise = createNewsAlert(alert)
  const look = () => {
    for (const { issuer, nextUpdate } of current()?.outOfDate(new Date()) ?? []) {
      const until = nextUpdate.toISOString()
      raise(`${issuer} ${until}`, 'client-crl-out-of-date', { issuer, until })
    }
  }
  look()
  const timer = setInterval(look, LOOK_EVERY_MS).unref()
  return { look, close: () => clearInterval(timer) }
}

/** Names are compared without regard to case: RFC 5280 section 7.1. */
function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

/** Hexadecimal; two libraries write leading zeros and letters each in their own way. */
function serialOf(hex: string): string {
  return hex.toLowerCase().replace(/^0+/, '')
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}
