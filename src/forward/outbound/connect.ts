import { isIP } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { VaultError } from '../../values/vault-error.ts'
import { mayReach, type Reach } from './address-rule.ts'
import type { LookUp } from './resolve-name.ts'

/** To where a connection leads, and what it is verified with. */
export interface ConnectTo {
  /** Of an https origin; an address of IPv6 without its brackets. */
  hostname: string
  port: number
  reach: Reach
  connectMs: number
  /** PEM: the only authorities that are trusted. Left out: those of Node.js. */
  ca?: string | undefined
  /** The certificate that is shown, and its key, in PEM. */
  certificate?: { cert: string; key: string } | undefined
}

export interface Connection {
  socket: TLSSocket
  address: string
}

/**
 * Opens a verified connection of TLS 1.2 or later. The name is resolved once, each of its addresses is looked at, and the
 * connection leads to one of those that were looked at. A name with one address that is not allowed is refused.
 *
 * @throws {VaultError} for whatever reason there is no connection: nothing was sent
 */
export async function connectTo(resolveName: LookUp, to: ConnectTo): Promise<Connection> {
  const signal = AbortSignal.timeout(to.connectMs)
  const addresses = await before(signal, resolveName(to.hostname)).catch((cause: unknown) => {
    throw new VaultError('the name of the destination does not resolve', { cause })
  })
  if (addresses.length === 0) throw new VaultError('the name of the destination does not resolve')
  if (!addresses.every((address) => mayReach(address, to.reach)))
    throw new VaultError('the destination is at an address that is not allowed')
  let failure: unknown
  for (const address of addresses) {
    try {
      return { socket: await before(signal, open(to, address, signal)), address }
    } catch (error) {
      failure = error
    }
  }
  throw new VaultError('the destination does not accept a verified connection', { cause: failure })
}

function open(
  { hostname, port, ca, certificate }: ConnectTo,
  address: string,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new VaultError('the destination did not answer in time'))
    const options: ConnectionOptions = {
      host: address,
      port,
      // The certificate must be for the name, not for the address that it led to.
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...certificate,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      // Stated, so that NODE_TLS_REJECT_UNAUTHORIZED does not count.
      rejectUnauthorized: true,
    }
    const socket = connect(options).setNoDelay(true)
    const abort = () => socket.destroy(new VaultError('the destination did not answer in time'))
    signal.addEventListener('abort', abort, { once: true })
    const end = () => signal.removeEventListener('abort', abort)
    // It stays: until undici listens, an error without a listener would end the process.
    socket.on('error', (error) => {
      end()
      reject(error)
    })
    socket.once('secureConnect', () => {
      end()
      resolve(socket)
    })
  })
}

/** Rejects when the time is over, whatever the work does then. */
function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new VaultError('the destination did not answer in time'))
    if (signal.aborted) late()
    signal.addEventListener('abort', late, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', late))
  })
}
