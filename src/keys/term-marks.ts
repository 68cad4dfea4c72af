/**
 * Stands in the manifest of the key registry when every search term under that index key has a MAC: from the beginning for a
 * key that this version makes, for an older one from the rotation that has emptied it.
 */
export function termMacsMark(indexKeyId: string): string {
  return `search-term-macs ${indexKeyId}`
}
