import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { RouteRequest } from '../route.ts'
import { createDocsRoutes } from './docs-routes.ts'

beforeAll(() => {
  vi.spyOn(fs, 'readFile')
  syncBuiltinESMExports()
})
afterAll(() => {
  vi.restoreAllMocks()
  syncBuiltinESMExports()
})

it('reads the viewer when it is first asked for, and only once', async () => {
  const routes = createDocsRoutes([], { issuer: 'https://vault.example', version: '1.0.0' })
  expect(fs.readFile).not.toHaveBeenCalled()
  const bundle = routes.find(({ path }) => path === '/docs/swagger-ui-bundle.js')!
  for (const _ of [1, 2]) {
    const { body } = await bundle.handle({} as RouteRequest<unknown, undefined, undefined>)
    expect((body as Buffer).length).toBeGreaterThan(1_000_000)
  }
  expect(fs.readFile).toHaveBeenCalledTimes(1)
})
