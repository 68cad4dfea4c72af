import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Json } from './forge-token.ts'

const PAGE = path.join(import.meta.dirname, '../../docs/how-to/connect-an-identity-provider.md')

/** What the documentation says of one provider. */
export interface Recipe {
  /** The heading. */
  provider: string
  /** The entry of the issuers file. */
  entry: Json & { name: string; issuer: string; mappings: Json[] }
  /** A token as the provider writes it, of the time at which it was documented. */
  token: { header: Json; claims: Json & { iat: number; exp: number } }
  /** What `issuers check` says of it. */
  outcome: Json
}

/** Reads the recipes from the page itself: the three blocks of JSON under the heading of each provider. */
export function readRecipes(): Recipe[] {
  const [, ...sections] = readFileSync(PAGE, 'utf8').split(/^## /m)
  return sections.flatMap((section) => {
    const blocks = [...section.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text]) => JSON.parse(text!) as unknown)
    if (blocks.length === 0) return []
    const [[entry], token, outcome] = blocks as [[Recipe['entry']], Recipe['token'], Json]
    return [{ provider: section.slice(0, section.indexOf('\n')), entry, token, outcome }]
  })
}
