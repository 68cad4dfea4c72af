import { KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import path from 'node:path'

/** Marks the vault's own certificates. Others are never replaced. */
const AUTHORITY_NAME = 'Strongroom development CA'
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1']
const DAY_MS = 24 * 60 * 60 * 1000
/** Apple's systems refuse server certificates that are valid for longer: https://support.apple.com/en-us/103769 */
const VALID_DAYS = 825
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export interface DevelopmentCertificateOptions {
  certsDir: string
  /** Names and addresses besides localhost, 127.0.0.1 and ::1. */
  hosts?: readonly string[]
  now?: Date
}

/**
 * Makes `ca.pem`, `server.pem` and `server-key.pem` in the directory if there are none, or if the vault's own are about
 * to expire. Returns whether it made them.
 *
 * The authority signs this one certificate and its private key is forgotten, so that no other can be made with it: a
 * renewal is a new authority, which clients have to learn. Files from elsewhere stay as they are.
 *
 * @throws {Error} if a ca.pem or server-key.pem from elsewhere is there without server.pem
 */
export async function ensureDevelopmentCertificate(options: DevelopmentCertificateOptions): Promise<boolean> {
  const { certsDir, hosts = [], now = new Date() } = options
  const caFile = path.join(certsDir, 'ca.pem')
  const keyFile = path.join(certsDir, 'server-key.pem')
  const serverFile = path.join(certsDir, 'server.pem')
  if (existsSync(serverFile)) {
    const expiring = expiresAt(serverFile) - now.getTime() < DAY_MS
    if (!expiring || !isOurs(serverFile) || (existsSync(caFile) && !isOurs(caFile))) return false
  } else if (existsSync(caFile) ? !isOurs(caFile) : existsSync(keyFile)) {
    throw new Error(
      `${certsDir} holds certificate files from elsewhere but not server.pem; put it there, or remove the rest`,
    )
  }
  const made = await createCertificates([...new Set([...LOCAL_HOSTS, ...hosts])], now)
  mkdirSync(certsDir, { recursive: true })
  writeWhole(caFile, made.ca, 0o644)
  writeWhole(keyFile, made.key, 0o600)
  // Last: as long as it is not there, or is the old one, the next start does all of this again.
  writeWhole(serverFile, made.certificate, 0o644)
  return true
}

function isOurs(file: string): boolean {
  return parse(file)?.issuer.split('\n').includes(`CN=${AUTHORITY_NAME}`) ?? false
}

function expiresAt(file: string): number {
  return parse(file)?.validToDate.getTime() ?? Number.POSITIVE_INFINITY
}

/** Undefined if it is not a certificate: then it is not ours, and the server will say what is wrong with it. */
function parse(file: string): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(file))
  } catch {
    return undefined
  }
}

async function createCertificates(hosts: string[], now: Date) {
  const x509 = await importX509()
  const [authority, server] = await Promise.all([generateKeys(), generateKeys()])
  // A clock that is a little slow must not find the certificate not yet valid.
  const validity = {
    notBefore: new Date(now.getTime() - 60 * 60 * 1000),
    notAfter: new Date(now.getTime() + VALID_DAYS * DAY_MS - DAY_MS),
  }
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${AUTHORITY_NAME}`,
    ...validity,
    keys: authority,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  })
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=Strongroom development server',
    issuer: ca.subject,
    ...validity,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: isIP(host) === 0 ? 'dns' : 'ip', value: host })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(server.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  })
  const key = KeyObject.from(server.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
  return { ca: `${ca.toString('pem')}\n`, certificate: `${certificate.toString('pem')}\n`, key }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

/**
 * Loads the library only to make a certificate: production never does.
 *
 * The container for dependency injection inside it refuses to load if `Reflect` has no metadata, as TypeScript's old
 * decorators leave. This library has no such decorators, so "none" is the right answer, and no other code sees it.
 */
export async function importX509() {
  const reflect = Reflect as typeof Reflect & Record<string, unknown>
  const borrowed = 'getMetadata' in reflect ? [] : ['getMetadata', 'getOwnMetadata']
  for (const name of borrowed) reflect[name] = () => undefined
  try {
    return await import('@peculiar/x509')
  } finally {
    for (const name of borrowed) delete reflect[name]
  }
}

function writeWhole(file: string, text: string, mode: number): void {
  const draft = `${file}.new`
  writeFileSync(draft, text, { mode })
  renameSync(draft, file)
}
