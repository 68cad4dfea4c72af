import { readFileSync } from 'node:fs'
import path from 'node:path'
import { type VaultClient, VaultProblem } from '@strongroom/client'
import { projectRoot } from './source-files.ts'

/** One call of `clients/conformance.json`: what a client must send for it, and what it must give back. */
export interface ConformanceCase {
  name: string
  as: string | null
  /** `group.method`, as TypeScript has it. */
  call: string
  arguments: unknown[]
  options?: { idempotency_key?: string }
  dpop?: boolean
  request: Record<string, unknown>
  answer?: unknown
  error?: { status: number; code: string; errors: string[] }
  replayed?: boolean
  /** Names of values of the answer, for the cases behind. */
  save?: Record<string, string>
}

const file = path.join(projectRoot, 'clients/conformance.json')
export const conformanceCases = (JSON.parse(readFileSync(file, 'utf8')) as { cases: ConformanceCase[] }).cases

/** The last request that a client sent, and whether its answer was a repeated one. */
interface Sent {
  request: Record<string, unknown>
  replayed: boolean
}

/** Runs the cases with the TypeScript client. What one saved, the next ones use. */
export class TypeScriptRun {
  readonly #saved: Record<string, string>
  readonly #clientOf: (one: ConformanceCase, send: typeof fetch) => VaultClient
  readonly #send: typeof fetch

  constructor(run: string, send: typeof fetch, clientOf: (one: ConformanceCase, send: typeof fetch) => VaultClient) {
    this.#saved = { run }
    this.#send = send
    this.#clientOf = clientOf
  }

  /** What is not as it should be. */
  async check(one: ConformanceCase): Promise<string[]> {
    const sent: Sent[] = []
    const noting: typeof fetch = async (input, init = {}) => {
      const response = await this.#send(input, init)
      sent.push({ request: described(String(input), init), replayed: response.headers.has('idempotent-replayed') })
      return response
    }
    const outcome = await this.#call(this.#clientOf(one, noting), one).then(
      (given) => ({ given }),
      (error: unknown) => ({ error }),
    )
    const last = sent.at(-1)
    if (last === undefined) return [`nothing was answered: ${'error' in outcome && outcome.error}`]
    const { request, replayed } = last
    const found = this.#differences('request', this.#filled(one.request), request)
    if ('error' in outcome) {
      const { error } = outcome
      if (!(error instanceof VaultProblem) || one.error === undefined) return [...found, `it failed: ${error}`]
      const { status, code, errors } = error
      const seen = { status, code, errors: errors.map(({ pointer }) => pointer) }
      return [...found, ...this.#differences('error', one.error, seen)]
    }
    const { given } = outcome
    if (one.error !== undefined) return [...found, 'it did not fail']
    if (one.replayed !== undefined && one.replayed !== replayed) found.push(`replayed is ${replayed}`)
    for (const [name, place] of Object.entries(one.save ?? {})) {
      const value = place.split('.').reduce((at, member) => (at as Record<string, unknown>)[member], given)
      this.#saved[name] = String(value)
    }
    const seen = given instanceof Uint8Array ? { bytes: given.length } : (given ?? null)
    return [...found, ...this.#differences('answer', this.#filled(one.answer), seen)]
  }

  async #call(vault: VaultClient, one: ConformanceCase): Promise<unknown> {
    const [group = '', method = ''] = one.call.split('.')
    const { idempotency_key: idempotencyKey } = (this.#filled(one.options) ?? {}) as { idempotency_key?: string }
    const options = idempotencyKey === undefined ? [] : [{ idempotencyKey }]
    const methods = vault[group as 'tokens'] as unknown as Record<string, (...values: unknown[]) => unknown>
    const result = methods[method]!(...(this.#filled(one.arguments) as unknown[]), ...options)
    return 'page' in (result as object) ? (result as { page(): unknown }).page() : result
  }

  #filled(value: unknown): unknown {
    if (typeof value === 'string') return value.replaceAll(/\{(\w+)\}/g, (found, name) => this.#saved[name] ?? found)
    if (Array.isArray(value)) return value.map((one) => this.#filled(one))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.#filled(one)]))
  }

  #differences(place: string, wanted: unknown, given: unknown): string[] {
    if (Array.isArray(wanted) && Array.isArray(given) && wanted.length === given.length) {
      return wanted.flatMap((one, at) => this.#differences(`${place}.${at}`, one, given[at]))
    }
    if (isObject(wanted) && isObject(given)) {
      return Object.entries(wanted).flatMap(([name, one]) =>
        this.#differences(`${place}.${name}`, one, given[name] ?? null),
      )
    }
    const isPattern = typeof wanted === 'string' && wanted.startsWith('~')
    const isEqual = isPattern
      ? typeof given === 'string' && new RegExp(wanted.slice(1)).test(given)
      : JSON.stringify(wanted) === JSON.stringify(given)
    return isEqual ? [] : [`${place} is ${JSON.stringify(given)}, and should be ${JSON.stringify(wanted)}`]
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function described(address: string, { method, headers, body }: RequestInit): Record<string, unknown> {
  const { pathname, searchParams } = new URL(address)
  // The token endpoint takes a form.
  const isJson = new Headers(headers).get('content-type') === 'application/json'
  return {
    method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    body: body === undefined || !isJson ? null : JSON.parse(String(body)),
    idempotency_key: new Headers(headers).get('idempotency-key'),
  }
}
