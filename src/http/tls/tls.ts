import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { type FSWatcher, statSync, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import { isIP } from 'node:net'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import { VaultError } from '../../values/vault-error.ts'
import { type ClientCrl, readClientCrl } from './client-crl.ts'

export interface CertificateFiles {
  /** PEM: the server's certificate first, then the intermediate ones. */
  certFile: string
  /** PEM, not encrypted. */
  keyFile: string
  /** PEM: the authorities that sign client certificates. Without it no certificate is asked for. */
  clientCaFile?: string | undefined
  /** PEM: the lists of certificates that those have revoked, one for each. Without it none is looked at. */
  clientCrlFile?: string | undefined
}

export type TlsOptions = Pick<
  ServerOptions,
  | (
      | 'cert'
      | 'key'
      | 'minVersion'
      | 'ciphers'
      | 'ecdhCurve'
      | 'honorCipherOrder'
      | 'secureOptions'
      | 'handshakeTimeout'
    )
  | ('ca' | 'requestCert' | 'rejectUnauthorized' | 'crl' | 'sessionTimeout')
> & {
  cert: string
  key: string
  /** What `crl` says, for the connections whose handshake is over. */
  clientCrl?: ClientCrl
}

/** RFC 9325 §4.2: forward secrecy and authenticated encryption only; the first three are TLS 1.3's, the rest TLS 1.2's. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
]

/** The hybrid of ML-KEM and X25519 first: a quantum computer of the future cannot open what is recorded today. */
const GROUPS = ['X25519MLKEM768', 'X25519', 'P-256', 'P-384']

const POLICY = {
  minVersion: 'TLSv1.2',
  ciphers: CIPHERS.join(':'),
  ecdhCurve: GROUPS.join(':'),
  honorCipherOrder: true,
  // With renegotiation (TLS 1.2) a client makes the server work at no cost to itself. RFC 9325 §3.5.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  handshakeTimeout: 5000,
  // Seconds. A resumed connection shows no certificate again: RFC 8446 section 4.6.1 would allow a week.
  sessionTimeout: 600,
} as const satisfies Partial<TlsOptions>

/** Files are often written in several steps, certificate and key one after the other. */
const SETTLE_MS = 200
/** For file systems that do not report changes (NFS, some container mounts). */
const POLL_MS = 10_000

/**
 * Reads a certificate and its key into the options of `https.createServer`, or of `server.setSecureContext`.
 *
 * @throws {VaultError} one sentence that names the file, if one cannot be read or used, or the key is not the certificate's
 */
export async function loadTls(files: CertificateFiles): Promise<TlsOptions> {
  const { certFile, keyFile, clientCaFile, clientCrlFile } = files
  const [cert, key] = await Promise.all([readPem(certFile, 'certificate'), readPem(keyFile, 'private key')])
  const certificate = parsed(() => new X509Certificate(cert), `${certFile} does not hold a certificate in PEM`)
  const privateKey = parsed(() => createPrivateKey(key), `${keyFile} does not hold an unencrypted private key in PEM`)
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new VaultError(
      `the private key in ${keyFile} does not belong to the certificate in ${certFile}; replace both`,
    )
  }
  const options: TlsOptions = { cert, key, ...POLICY }
  if (clientCaFile !== undefined) Object.assign(options, await askClients(clientCaFile, clientCrlFile))
  // OpenSSL looks at the rest of the chain, and at the size of the key, only here.
  parsed(() => createSecureContext(options), `the certificate in ${certFile} or its chain is not accepted by OpenSSL`)
  return options
}

/**
 * Clients are asked for a certificate and may come without one. One that no authority here has signed does not end the
 * handshake: the authentication of the caller decides whether it is good enough (RFC 8705 section 7.2).
 */
async function askClients(clientCaFile: string, clientCrlFile: string | undefined): Promise<Partial<TlsOptions>> {
  const ca = await readPem(clientCaFile, 'authority of client certificates')
  parsed(() => new X509Certificate(ca), `${clientCaFile} does not hold a certificate in PEM`)
  const asked = { ca, requestCert: true, rejectUnauthorized: false }
  if (clientCrlFile === undefined) return asked
  const clientCrl = await readClientCrl(clientCrlFile)
  return { ...asked, crl: [...clientCrl.pem], clientCrl }
}

/**
 * Keeps the server's certificate up to date with its files: open connections continue, new ones see the new
 * certificate. A pair that cannot be used is reported to `onError`, once per change, and the old one stays.
 *
 * `reload()` looks at once, whether something changed or not (for SIGHUP), and never rejects. `close()` must be called
 * at the end.
 */
export function watchCertificates(
  server: { setSecureContext(options: TlsOptions): void },
  files: CertificateFiles,
  onReload: (options: TlsOptions) => void,
  onError: (error: Error) => void,
): { reload(): Promise<void>; close(): void } {
  const { certFile, keyFile, clientCaFile, clientCrlFile } = files
  const paths = [certFile, keyFile, clientCaFile, clientCrlFile].filter((file) => file !== undefined)
  let seen = fingerprint(paths)
  let settling: NodeJS.Timeout | undefined
  let loading = Promise.resolve()

  const load = async () => {
    seen = fingerprint(paths)
    try {
      const options = await loadTls(files)
      server.setSecureContext(options)
      onReload(options)
    } catch (error) {
      onError(error as Error)
    }
  }
  // One after the other, so that the last state of the files wins.
  const reload = () => {
    loading = loading.then(load)
    return loading
  }
  const look = () => {
    clearTimeout(settling)
    settling = setTimeout(() => {
      if (fingerprint(paths) !== seen) void reload()
    }, SETTLE_MS)
    settling.unref()
  }

  // The directories, not the files: a file that is replaced by renaming is another file, which is not watched.
  const watchers = [...new Set(paths.map((file) => path.dirname(file)))].flatMap((directory) =>
    watchIfPossible(directory, look),
  )
  const poll = setInterval(look, POLL_MS)
  poll.unref()
  return {
    reload,
    close() {
      clearTimeout(settling)
      clearInterval(poll)
      for (const watcher of watchers) watcher.close()
    },
  }
}

/**
 * Returns a predicate: whether the first certificate in the PEM is for this host, a name or an address without a port.
 *
 * Used to refuse requests for other hosts (421, RFC 9110 §15.5.20).
 */
export function certificateNames(pem: string): (host: string) => boolean {
  const certificate = new X509Certificate(pem)
  const remembered = new Map<string, boolean>()
  const matches = (host: string) => {
    // In a URL and in the Host header an IPv6 address is in brackets, and a name may end in the root's dot.
    const name = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
    if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
    return name !== '' && certificate.checkHost(name, { partialWildcards: false }) !== undefined
  }
  return (host) => {
    const known = remembered.get(host)
    if (known !== undefined) return known
    // Every request asks for the same few; invented ones only empty the cache.
    if (remembered.size >= MAX_REMEMBERED_HOSTS) remembered.clear()
    const answer = matches(host)
    remembered.set(host, answer)
    return answer
  }
}

const MAX_REMEMBERED_HOSTS = 100

async function readPem(file: string, what: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new VaultError(`the ${what} ${file} cannot be read (${code})`, { cause: error })
  }
}

function parsed<T>(parse: () => T, complaint: string): T {
  try {
    return parse()
  } catch (error) {
    throw new VaultError(complaint, { cause: error })
  }
}

/** Changes with every write and every replacement; a file that is missing counts as a state of its own. */
function fingerprint(paths: string[]): string {
  return paths
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false })
      return stat ? `${stat.ino} ${stat.size} ${stat.mtimeMs}` : 'missing'
    })
    .join()
}

function watchIfPossible(directory: string, look: () => void): FSWatcher[] {
  try {
    const watcher = watch(directory, { persistent: false }, look)
    // The directory itself was removed, or the system's limit is reached: the poll continues.
    watcher.on('error', () => watcher.close())
    return [watcher]
  } catch {
    return []
  }
}
