import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Why there is no browser to test with; undefined when there is one. In CI there has to be one. */
export function chromiumIsMissing(): string | undefined {
  if (existsSync(CHROMIUM)) return undefined
  if (process.env.CI) throw new Error(`${CHROMIUM} is missing: install Debian's package chromium`)
  return `there is no ${CHROMIUM}`
}

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS })
}

/** A browser that keeps its profile in a directory, as that of a person does. */
export function launchWithProfile(directory: string, options: BrowserContextOptions = {}): Promise<BrowserContext> {
  return chromium.launchPersistentContext(directory, { executablePath: CHROMIUM, args: ARGUMENTS, ...options })
}
