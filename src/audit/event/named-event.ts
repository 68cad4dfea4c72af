/** An event that has no MAC, as another names it: by its id and the hash of its leaf, so that it cannot be exchanged. */
export function nameEvent({ event, hash }: { event: string; hash: Buffer }): string {
  return `${event} ${hash.toString('hex')}`
}

/** An entry of a bundle has at most 65,535 bytes (C2SP tlog-tiles), and such a name has a hundred. */
export const MOST_NAMED = 500
