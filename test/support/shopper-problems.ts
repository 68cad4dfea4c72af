import { sessionProblems } from './session-problems.ts'
import type { TestVault } from './test-vault.ts'

/** One request for each code that only the sessions and the requests of shoppers meet. */
export function shopperProblems(at: () => [vault: TestVault, officer: string]) {
  const call = (method: 'GET' | 'POST' | 'PATCH', path: string, body?: object) => {
    const [vault, token] = at()
    return vault.call(method, `/v1/requests${path}`, { token, body })
  }
  return {
    ...sessionProblems(() => at()[0]),
    'privacy-request-not-found': () => call('GET', '/privacy_0'),
    'privacy-request-closed': async () => {
      const { id } = (await call('POST', '', { kind: 'access', customer: 'cus_1042' })).body
      await call('PATCH', `/${id}`, { state: 'done' })
      return call('PATCH', `/${id}`, { state: 'open' })
    },
  }
}
