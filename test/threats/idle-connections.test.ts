import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { TestVault } from '../support/test-vault.ts'

const CONNECTIONS = 200

let vault: TestVault
const sockets: Socket[] = []

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await vault.stop()
})

/** A TCP connection that never starts a handshake; resolves once it is open. */
function openSilently(onClose: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: vault.port }, resolve)
    sockets.push(socket)
    socket.on('error', reject)
    socket.on('close', onClose)
    socket.resume()
  })
}

it('drops connections without a handshake after 5 seconds and serves others in the meantime', async () => {
  let closed = 0
  const startedAt = performance.now()
  const onClose = () => closed++
  await Promise.all(Array.from({ length: CONNECTIONS }, () => openSilently(onClose)))

  let served = 0
  const all = async () => {
    const askedAt = performance.now()
    expect((await vault.call('GET', '/healthz')).status).toBe(200)
    expect(performance.now() - askedAt).toBeLessThan(2_000)
    served++
    expect(closed).toBe(CONNECTIONS)
  }
  await vi.waitFor(all, { timeout: 9_000, interval: 200 })
  const seconds = (performance.now() - startedAt) / 1000
  expect(seconds).toBeGreaterThan(4)
  expect(seconds).toBeLessThan(8)
  expect(served).toBeGreaterThan(5)
})
