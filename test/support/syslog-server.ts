import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** A syslog receiver on loopback that understands octet counting (RFC 6587, section 3.4.1) and nothing else. */
export interface SyslogServer {
  readonly port: number
  /** Everything that was received whole, in order. */
  readonly messages: string[]
  /** How many connections there were. */
  readonly connections: number
  /** From now on every connection is reset after so many messages; undefined: none is. */
  crashAfter(messages: number | undefined): void
  /** From now on connections are read and never closed. */
  neverClose(): void
  close(): Promise<void>
}

export async function startSyslogServer(options: { tls?: TlsOptions; port?: number } = {}): Promise<SyslogServer> {
  const messages: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let crashesAfter: number | undefined
  let closes = true
  const take = (socket: Socket) => {
    connections++
    let unread = Buffer.alloc(0)
    let taken = 0
    socket.on('error', () => {})
    socket.on('end', () => {
      if (closes) socket.end()
    })
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk])
      for (;;) {
        const [frame, length] = /^([1-9]\d*) /.exec(unread.subarray(0, 8).toString('latin1')) ?? []
        const end = frame === undefined ? Number.POSITIVE_INFINITY : frame.length + Number(length)
        if (unread.length < end) return
        if (crashesAfter !== undefined && taken++ >= crashesAfter) {
          for (const one of sockets) one.resetAndDestroy()
          return
        }
        messages.push(unread.subarray(frame!.length, end).toString('utf8'))
        unread = unread.subarray(end)
      }
    })
  }
  const server: Server =
    options.tls === undefined
      ? createServer({ allowHalfOpen: true }, take)
      : createTlsServer({ ...options.tls, allowHalfOpen: true }, take)
  // Also those whose handshake fails.
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    get connections() {
      return connections
    },
    crashAfter(count) {
      crashesAfter = count
    },
    neverClose() {
      closes = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
