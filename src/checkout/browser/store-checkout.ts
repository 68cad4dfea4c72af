/** An answer of the vault that is not the tokens. */
interface StoreFailure {
  code: string
  /** Whether the same checkout may succeed when it is sent again. */
  retryable: boolean
  /** The members that are not acceptable, as JSON Pointers. */
  pointers: readonly string[]
}

export type Stored = { tokens: Record<string, unknown> } | { failure: StoreFailure }

/** So often it is sent at the most; a session has ten attempts. */
const SENDS = 3
const TIMEOUT_MS = 15_000
const PAUSE_MS = 400

const RETRYABLE = new Set(['request-in-flight', 'too-many-requests', 'network'])

/**
 * Stores the checkout of a session. A lost answer does no harm: the vault answers the same checkout with the same tokens.
 *
 * @param token of the session
 */
export async function storeCheckout(token: string, checkout: unknown): Promise<Stored> {
  for (let sent = 1; ; sent++) {
    const stored = await send(token, checkout)
    if ('tokens' in stored || !stored.failure.retryable || sent >= SENDS) return stored
    const { waitMs = PAUSE_MS * 2 ** sent } = stored
    await new Promise((resolve) => setTimeout(resolve, waitMs))
  }
}

async function send(token: string, checkout: unknown): Promise<Stored & { waitMs?: number }> {
  let response: Response
  let body: { code?: string; errors?: { pointer: string }[] } & Record<string, unknown>
  try {
    response = await fetch('/v1/tokenize', {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(checkout),
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    body = await response.json()
  } catch {
    return { failure: { code: 'network', retryable: true, pointers: [] } }
  }
  if (response.status === 201) return { tokens: body }
  const code = body.code ?? 'internal'
  const seconds = Number(response.headers.get('Retry-After'))
  return {
    failure: {
      code,
      retryable: response.status === 503 || RETRYABLE.has(code),
      pointers: (body.errors ?? []).map(({ pointer }) => pointer),
    },
    // A shopper does not wait for longer; the button does what is left.
    ...(seconds > 0 && seconds <= 5 && { waitMs: seconds * 1000 }),
  }
}
