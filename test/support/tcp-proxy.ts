import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** A way to a server on loopback that can be cut and mended, as a network or a database that goes away. */
export interface TcpProxy {
  /** The target's URL by way of the proxy. */
  readonly url: string
  /** Breaks every connection and refuses new ones. */
  cut(): void
  /** Keeps every connection open and takes new ones, and passes nothing on, in neither direction. */
  stall(): void
  /**
   * Stops passing on the bytes of a connection from that text on; the other direction continues. Resolves when that has
   * happened to the first one.
   */
  holdBack(text: string): Promise<void>
  /** Ends each of these states: what was held continues where it was. */
  mend(): void
  close(): Promise<void>
}

export async function startTcpProxy(targetUrl: string): Promise<TcpProxy> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  const pairs = new Set<readonly [Socket, Socket | Transform]>()
  let isCut = false
  let held: { text: string; onFirst: () => void; release: (() => void)[] } | undefined
  const gate = () =>
    new Transform({
      transform(bytes: Buffer, _encoding, pass) {
        if (!held?.text || !bytes.includes(held.text)) pass(null, bytes)
        else {
          held.release.push(() => pass(null, bytes))
          held.onFirst()
        }
      },
    })
  let isStalled = false
  const server = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(Number(target.port), target.hostname)
    const gated = gate()
    gated.pipe(far)
    for (const [socket, other, into] of [
      [near, far, gated],
      [far, near, near],
    ] as const) {
      const pair = [socket, into] as const
      sockets.add(socket)
      pairs.add(pair)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        pairs.delete(pair)
        other.destroy()
      })
      if (!isStalled) socket.pipe(into)
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
    holdBack(text) {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = { text, onFirst: resolve, release: [] }
      return promise
    },
    mend() {
      isCut = false
      const { release = [] } = held ?? {}
      held = undefined
      for (const pass of release) pass()
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
