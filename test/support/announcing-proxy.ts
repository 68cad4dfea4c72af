import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A TCP proxy that first says whose connection it passes on. */
export interface AnnouncingProxy {
  port: number
  stop(): Promise<void>
}

/**
 * @param header what it sends before anything else
 * @param pieces `together` with the client's first bytes in one write, or alone `byte by byte`
 */
export async function startAnnouncingProxy(
  target: number,
  header: Buffer,
  pieces: 'together' | 'byte by byte' = 'together',
): Promise<AnnouncingProxy> {
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    const upstream = keep(connect({ port: target, host: '127.0.0.1', noDelay: true }))
    keep(client).once('data', async (first: Buffer) => {
      client.pause()
      if (pieces === 'together') upstream.write(Buffer.concat([header, first]))
      else {
        for (const byte of header) {
          upstream.write(Buffer.of(byte))
          await sleep(1)
        }
        upstream.write(first)
      }
      client.pipe(upstream)
    })
    upstream.pipe(client)
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
