import { readFile } from 'node:fs/promises'
import { certificateNames } from './tls/tls.ts'

/** The public address of a vault, and the address where it listens. */
export interface PublicAddress {
  production: boolean
  issuer: string
  host: string
  tls: { certFile: string }
  trustedProxies: readonly string[]
}

export interface AddressFault {
  code: string
  detail: string
  severity?: 'warning'
}

/** Why callers on other machines cannot reach a vault in production. Nothing for a vault outside production. */
export async function findAddressFaults(address: PublicAddress): Promise<AddressFault[]> {
  if (!address.production) return []
  const { issuer, host, tls, trustedProxies } = address
  const { hostname } = new URL(issuer)
  const isBehindProxy = trustedProxies.length > 0
  const faults: AddressFault[] = []
  const name = plain(hostname)
  if (LOOPBACK.test(name) || UNSPECIFIED.test(name)) {
    faults.push({
      code: 'issuer-local',
      detail: `the vault calls itself ${issuer}, which no other machine can reach: set STRONGROOM_ISSUER to its public URL, such as https://vault.example.com.`,
    })
  } else if (!isBehindProxy && !(await isOnCertificate(tls.certFile, hostname))) {
    faults.push({
      code: 'issuer-not-on-certificate',
      severity: 'warning',
      detail: `the certificate in ${tls.certFile} is not for ${hostname}, so calls to ${issuer} are refused: get one for that name, or set STRONGROOM_ISSUER to a URL of a name on it.`,
    })
  }
  if (!isBehindProxy && LOOPBACK.test(plain(host))) {
    faults.push({
      code: 'host-local',
      severity: 'warning',
      detail: `the vault listens on ${host}, which no other machine can reach: set STRONGROOM_HOST to an address of this machine, or to 0.0.0.0 for all of them.`,
    })
  }
  return faults
}

/** RFC 6761 section 6.3, RFC 1122 section 3.2.1.3, RFC 4291 sections 2.5.2 and 2.5.3, and names that systems give. */
const LOOPBACK =
  /^((.+\.)?localhost|localhost\.localdomain|ip6-(localhost|loopback)|127\.\d+\.\d+\.\d+|::1|::ffff:(7f[0-9a-f]{2}:.*|127\..*))$/
const UNSPECIFIED = /^(0\.0\.0\.0|::)$/

/** @param host as an option has it, or in brackets as a URL has it */
function plain(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}

/** Also if the file cannot be read, because the start reports that itself. */
async function isOnCertificate(certFile: string, hostname: string): Promise<boolean> {
  try {
    return certificateNames(await readFile(certFile, 'utf8'))(hostname)
  } catch {
    return true
  }
}
