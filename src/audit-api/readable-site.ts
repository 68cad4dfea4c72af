/** The scopes that let a caller read the log: of its own site, or of all of them. */
export const READ_SCOPES = ['audit:read', 'audit:read-all'] as const

/** The site whose events the caller may read, with those of the whole vault; undefined if it may read all. */
export function readableSite({ scopes, site }: { scopes: ReadonlySet<string>; site: string }): string | undefined {
  return scopes.has('audit:read-all') ? undefined : site
}
