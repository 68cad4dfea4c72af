import { readFile } from 'node:fs/promises'
import { expect, it, vi } from 'vitest'
import type { RouteRequest } from '../route.ts'
import { createDocsRoutes } from './docs-routes.ts'

vi.mock('node:fs/promises', { spy: true })

it('reads the viewer when it is first asked for, and only once', async () => {
  const routes = createDocsRoutes([], { issuer: 'https://vault.example', version: '1.0.0' })
  expect(readFile).not.toHaveBeenCalled()
  const bundle = routes.find(({ path }) => path === '/docs/swagger-ui-bundle.js')!
  for (const _ of [1, 2]) {
    const { body } = await bundle.handle({} as RouteRequest<unknown, undefined, undefined>)
    expect((body as Buffer).length).toBeGreaterThan(1_000_000)
  }
  expect(readFile).toHaveBeenCalledTimes(1)
})
