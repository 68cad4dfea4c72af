import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { canonicalAddress } from './ip-address.ts'
import { parseProxyHeader } from './proxy-header.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** The header is the first thing that a proxy sends. */
const HEADER_WITHIN_MS = 5_000

/** The address that the PROXY header of a connection names. Keyed by the socket that requests have. */
const announced = new WeakMap<Socket, string>()

/** The sender's address as the connection's PROXY header says; undefined without one. */
export function announcedAddress(socket: Socket): string | undefined {
  return announced.get(socket)
}

/**
 * Makes a listener take the PROXY protocol before TLS. From a trusted address a connection must begin with a PROXY
 * header; one that does not, or not in time, is closed. Others begin with TLS, and a header from them is a failed
 * handshake. Which of the two comes is never guessed, as the protocol demands (section 2).
 *
 * It runs before the listener's own handling of connections, so the limits of the listener hold as before.
 *
 * @param onMalformed a trusted proxy sent something else
 */
export function acceptProxyProtocol(server: Server, proxies: TrustedProxies, onMalformed: () => void): void {
  const startTls = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  /** Between header and handshake: by the connection's addresses and ports, which the sockets above and below TLS share. */
  const handshaking = new Map<string, { address: string | undefined }>()

  const begin = (socket: Socket) => {
    for (const start of startTls) start.call(server, socket)
  }
  server.on('connection', (socket: Socket) => {
    if (!isFromProxy(socket, proxies)) return begin(socket)
    readHeader(socket, onMalformed, (address) => {
      const named = { address }
      const key = endpointsOf(socket)
      handshaking.set(key, named)
      socket.once('close', () => {
        if (handshaking.get(key) === named) handshaking.delete(key)
      })
      begin(socket)
    })
  })
  server.prependListener('secureConnection', (socket) => {
    if (!isFromProxy(socket, proxies)) return
    const key = endpointsOf(socket)
    const named = handshaking.get(key)
    handshaking.delete(key)
    // Without it the sender would pass for the proxy.
    if (named === undefined) socket.destroy()
    else if (named.address !== undefined) announced.set(socket, named.address)
  })
}

function isFromProxy(socket: Socket, proxies: TrustedProxies): boolean {
  const address = canonicalAddress(socket.remoteAddress ?? '')
  return address !== undefined && proxies.has(address)
}

function endpointsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join()
}

/** Reads the header and puts back what follows it. Calls `onHeader` once, or closes the connection. */
function readHeader(socket: Socket, onMalformed: () => void, onHeader: (address: string | undefined) => void): void {
  let received = Buffer.alloc(0)
  const close = () => socket.destroy()
  const late = setTimeout(close, HEADER_WITHIN_MS)
  const stop = () => {
    clearTimeout(late)
    socket.off('readable', read).off('end', close).off('error', close).off('close', stop)
  }
  const read = () => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    received = Buffer.concat([received, chunk])
    const header = parseProxyHeader(received)
    if (header === 'incomplete') return
    if (header === 'malformed') {
      onMalformed()
      close()
      return
    }
    stop()
    socket.unshift(received.subarray(header.length))
    onHeader(header.address)
  }
  socket.on('readable', read).on('end', close).on('error', close).on('close', stop)
}
