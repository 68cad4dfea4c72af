/** What one argon2 hash may cost: memory in KiB, passes over it, and lanes. */
export interface Argon2Cost {
  memoryCost: number
  timeCost: number
  parallelism: number
}

/**
 * The most that the vault spends on a hash whose parameters it reads: 1 GiB, 10 passes, 4 lanes. They are in the
 * database, and a forged row could otherwise take the memory and the time of the server.
 */
export const MAX_ARGON2: Argon2Cost = { memoryCost: 1_048_576, timeCost: 10, parallelism: 4 }

/** Three parameters; salt and hash of 8 to 64 bytes, in base64 without padding. */
const ARGON2ID = /^\$argon2id\$v=19\$([mtp]=\d+),([mtp]=\d+),([mtp]=\d+)\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{11,86}$/

/**
 * Whether the text is an argon2id hash in the PHC string format, as the vault writes it, that costs no more than
 * `MAX_ARGON2`.
 */
export function isAffordableHash(phc: string): boolean {
  const parameters = new Map((ARGON2ID.exec(phc) ?? []).slice(1).map((one) => [one[0], Number(one.slice(2))]))
  const [memoryCost, timeCost, parallelism] = ['m', 't', 'p'].map((name) => parameters.get(name) ?? Number.NaN)
  return (
    memoryCost! <= MAX_ARGON2.memoryCost && timeCost! <= MAX_ARGON2.timeCost && parallelism! <= MAX_ARGON2.parallelism
  )
}
