import { readFileSync } from 'node:fs'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import express from 'express'
import { expect, it } from 'vitest'
import { bornWithExpressPrototypes } from './express-internals.ts'

it('gives requests and responses the prototypes that Express sets, before Express sees them', async () => {
  const app = express()
  const seen: unknown[] = []
  app.use((request, response) => {
    seen.push(Object.getPrototypeOf(request) === app.request, Object.getPrototypeOf(response) === app.response)
    response.status(204).end()
  })
  const server = createServer(bornWithExpressPrototypes(app), (request, response) => {
    seen.push(Object.getPrototypeOf(request) === app.request, Object.getPrototypeOf(response) === app.response)
    app(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const answer = await new Promise<IncomingMessage>((resolve) =>
    get({ port, host: '127.0.0.1', agent: false }, resolve),
  )
  server.close()
  expect(answer.statusCode).toBe(204)
  expect(seen).toEqual([true, true, true, true])
})

it('relies on an Express that still sets exactly these two prototypes on every request', () => {
  const source = readFileSync(path.join(import.meta.dirname, '../../node_modules/express/lib/application.js'), 'utf8')
  expect(source.match(/Object\.setPrototypeOf\((req, this\.request|res, this\.response)\)/g)).toHaveLength(2)
})
