import { type Answer, exchange, rawRequest } from './raw-tls.ts'
import type { TestVault } from './test-vault.ts'

export interface PipelinedRequest {
  method: 'GET' | 'POST' | 'PATCH'
  path: string
  body?: unknown
  /** In the place of JSON. */
  form?: string
  headers?: readonly string[]
}

/** Sends all of the requests over one connection before any is answered, and gives the answers in their order. */
export async function pipeline(
  vault: TestVault,
  bearer: string | undefined,
  requests: readonly PipelinedRequest[],
): Promise<Answer[]> {
  const bytes = requests.map(({ method, path, body, form, headers = [] }) => {
    const text = form ?? (body === undefined ? '' : JSON.stringify(body))
    const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded'
    return rawRequest(
      [
        `${method} ${path} HTTP/1.1`,
        'Host: localhost',
        ...(bearer === undefined ? [] : [`Authorization: Bearer ${bearer}`]),
        ...(text === '' ? [] : [`Content-Type: ${type}`]),
        `Content-Length: ${Buffer.byteLength(text)}`,
        ...headers,
      ],
      text,
    )
  })
  const { answers } = await exchange(vault, bytes.join(''), {
    timeoutMs: 60_000,
    answers: requests.length,
  })
  return answers
}

/** How many answers there are of each status. */
export function statusesOf(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}
