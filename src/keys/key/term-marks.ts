/**
 * Stands in the manifest of the key registry when every search term under that index key has a MAC: from the beginning for a
 * key that this version makes, for an older one from the rotation that has emptied it.
 */
export function termMacsMark(indexKeyId: string): string {
  return `search-term-macs ${indexKeyId}`
}

/**
 * Stands in the manifest when no card number was ever hashed under that `index` key: for each that this version makes. An older
 * one may have terms of card numbers, which are found until a rotation has moved them to a `card-index` key.
 */
export function noCardTermsMark(indexKeyId: string): string {
  return `no-card-terms ${indexKeyId}`
}

/**
 * Stands in the manifest of the key registry for an index key that a rotation has emptied: it is destroyed as soon as nothing
 * needs it any more. With such a key and a copy of `search_terms` card numbers and telephone numbers are found by trying, and
 * no row of a backup needs it to be opened.
 */
export function destroyWhenFreeMark(indexKeyId: string): string {
  return `destroy-when-free ${indexKeyId}`
}
