/** Draws that many random bytes from a cryptographic source, into a buffer of the caller's. */
export type RandomBytes = (count: number) => Buffer
