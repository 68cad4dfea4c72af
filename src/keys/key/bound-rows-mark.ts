/**
 * In the manifest of the key registry when every value in a row with more facts is bound to it (format 2) under that
 * data key: from the beginning for a key that this version makes, for an older one from the rotation that has emptied
 * it. Values of an earlier version under it do not open.
 */
export function boundRowsMark(dataKeyId: string): string {
  return `bound-rows ${dataKeyId}`
}
