/**
 * Stands in the manifest of the key registry when every value in a row that says more is bound to it (format 2) under that
 * data key: from the beginning for a key that this version makes, for an older one from the rotation that has emptied it. What
 * an earlier version has sealed under it is not believed any more.
 */
export function boundRowsMark(dataKeyId: string): string {
  return `bound-rows ${dataKeyId}`
}
