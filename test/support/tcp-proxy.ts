import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server on loopback that can be cut and mended, as a network or a database that goes away. */
export interface TcpProxy {
  /** The target's URL by way of the proxy. */
  readonly url: string
  /** Breaks every connection and refuses new ones. */
  cut(): void
  /** Keeps every connection open and takes new ones, and passes nothing on any more, in neither direction. */
  stall(): void
  /** Ends either state: what was stalled goes on where it stood. */
  mend(): void
  close(): Promise<void>
}

export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  const pairs = new Set<readonly [Socket, Socket]>()
  let isCut = false
  let isStalled = false
  const server = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(Number(target.port), target.hostname)
    for (const pair of [
      [near, far],
      [far, near],
    ] as const) {
      const [socket, other] = pair
      sockets.add(socket)
      pairs.add(pair)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        pairs.delete(pair)
        other.destroy()
      })
      if (!isStalled) socket.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  const url = Object.assign(new URL(targetUrl), { host: `127.0.0.1:${(server.address() as AddressInfo).port}` })
  return {
    url: url.href,
    cut,
    stall() {
      isStalled = true
      for (const [socket, other] of pairs) socket.unpipe(other)
    },
    mend() {
      isCut = false
      if (!isStalled) return
      isStalled = false
      for (const [socket, other] of pairs) socket.pipe(other)
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
