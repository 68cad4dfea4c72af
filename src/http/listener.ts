import type { Server as HttpServer } from 'node:http'
import type { Server } from 'node:https'
import type { AddressInfo } from 'node:net'

/** How long a server that stops waits for requests under way. */
const GRACE_MS = 10_000
const IDLE_EVERY_MS = 50

/** Starts to listen. @throws {Error} one sentence when the port is taken */
export function startListening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? portTaken(port) : error)
    server.once('error', onError)
    server.listen(port, host, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

/** Stops accepting, lets requests under way finish, and cuts what is left after the grace period. */
export function stopListening(server: Server | HttpServer): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), GRACE_MS)
    // A connection falls idle when its request is answered, which may be later than now.
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_EVERY_MS)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(idle)
      resolve()
    })
    server.closeIdleConnections()
  })
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function portTaken(port: number): Error {
  return new Error(`port ${port} is in use; choose others with STRONGROOM_PORT and STRONGROOM_OPERATOR_PORT.`)
}
