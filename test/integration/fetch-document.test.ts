import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { createFetchDocument } from '../../src/access/issuers/fetch-document.ts'
import { IdentityProvider } from '../support/identity-provider.ts'

let provider: IdentityProvider
let ca: string
beforeAll(async () => {
  ca = readFileSync(path.join(inject('cluster').certsDir, 'ca.pem'), 'utf8')
  provider = await IdentityProvider.start()
})
afterAll(() => provider.stop())

const fetched = () => createFetchDocument(ca)(`${provider.issuer}/document`)

it('fetches JSON over TLS', async () => {
  provider.answerWith((_request, response) => response.end('{"a":1}'))
  expect(await fetched()).toEqual({ a: 1 })
})

it('follows no redirect', async () => {
  const asked: (string | undefined)[] = []
  provider.answerWith((request, response) => {
    asked.push(request.url)
    response.writeHead(302, { Location: '/elsewhere' }).end('{}')
  })
  await expect(fetched()).rejects.toThrow('answered 302')
  expect(asked).toEqual(['/document'])
})

it.each([500, 404, 204])('takes no answer of status %i', async (status) => {
  provider.answerWith((_request, response) => response.writeHead(status).end())
  await expect(fetched()).rejects.toThrow(`answered ${status}`)
})

it('reads no more than 256 KiB, however much is sent', async () => {
  let sent = 0
  provider.answerWith((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 0x20)
    const write = () => {
      sent += chunk.length
      if (!response.destroyed && sent < 64 * 1024 * 1024) response.write(chunk, write)
    }
    write()
  })
  await expect(fetched()).rejects.toThrow(/longer than/)
  expect(sent).toBeLessThan(16 * 1024 * 1024)
})

it('waits no longer than five seconds, even for one who keeps talking', async () => {
  provider.answerWith((_request, response) => {
    const talk = setInterval(() => response.write(' '), 200)
    response.on('close', () => clearInterval(talk))
  })
  const startedAt = performance.now()
  await expect(fetched()).rejects.toThrow()
  expect(performance.now() - startedAt).toBeLessThan(8_000)
})

it('says nothing of what it received', async () => {
  provider.answerWith((_request, response) => response.end('{"secret": hunter2'))
  const error = await fetched().catch((reason: Error) => reason)
  expect(String(error)).toBe('FetchError: is not JSON')
})

it('trusts the named authority only, and never goes without TLS', async () => {
  await expect(createFetchDocument(undefined)(`${provider.issuer}/document`)).rejects.toThrow()
  const plain = createServer((_request, response) => response.end('{}'))
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  const { port } = plain.address() as AddressInfo
  await expect(createFetchDocument(ca)(`http://127.0.0.1:${port}/`)).rejects.toThrow('only https')
  await expect(createFetchDocument(ca)(`https://localhost:${port}/`)).rejects.toThrow()
  await new Promise((resolve) => plain.close(resolve))
})
