/** Draws that many random bytes from a cryptographic source. */
export type RandomBytes = (count: number) => Buffer
