import type { PageFacts } from '../checkout-page.ts'

let isStored = false

/** The checkout of the page is stored. */
export function noteStored(): void {
  isStored = true
}

/**
 * Tells the vault once how long the page was open and how it ended, where the vault counts visits. No cookie, no name of the session
 * and nothing of the browser goes along.
 */
export function tellEnd({ visits, mode }: Pick<PageFacts, 'visits' | 'mode'>): void {
  if (visits === undefined) return
  const path = visits
  addEventListener(
    'pagehide',
    () => {
      const body = JSON.stringify({
        page: mode,
        seconds: Math.min(86_400, Math.round(performance.now() / 1000)),
        exit: isStored ? 'stored' : 'left',
      })
      const headers = { 'Content-Type': 'application/json' }
      void fetch(path, { method: 'POST', body, headers, keepalive: true, credentials: 'omit' }).catch(() => undefined)
    },
    { once: true },
  )
}
