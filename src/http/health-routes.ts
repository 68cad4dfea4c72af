import { z } from 'zod'
import { type Route, route } from './route.ts'

const statusSchema = z.object({ status: z.string() }).meta({ id: 'Health' })

/**
 * `/healthz` says that the process answers; `/readyz` that it can serve. Both answer for any Host.
 *
 * @param checkReady throws the Problem that keeps the vault from serving
 */
export function createHealthRoutes<C>(checkReady: () => Promise<void>): Route<C>[] {
  return [
    route<C>({
      method: 'GET',
      path: '/healthz',
      operationId: 'getHealth',
      tag: 'Vault',
      summary: 'Say whether the process answers',
      access: 'public',
      audited: false,
      answersSealed: true,
      answersOlder: true,
      answersAnyHost: true,
      responses: { 200: { description: 'it does', schema: statusSchema } },
      handle: () => ({ status: 200, body: { status: 'ok' } }),
    }),
    route<C>({
      method: 'GET',
      path: '/readyz',
      operationId: 'getReadiness',
      tag: 'Vault',
      description: `503 with a code says why the vault cannot serve. \`/healthz\` answers 200 as long as the process runs.`,
      problems: [
        'sealed',
        'busy',
        'database-unavailable',
        'schema-changed',
        'audit-unavailable',
        'audit-log-changed',
        'restored-backup',
      ],
      summary: 'Say whether the vault can serve',
      access: 'public',
      audited: false,
      answersSealed: true,
      answersOlder: true,
      answersAnyHost: true,
      responses: { 200: { description: 'it can', schema: statusSchema } },
      handle: async () => {
        await checkReady()
        return { status: 200, body: { status: 'ready' } }
      },
    }),
  ]
}
