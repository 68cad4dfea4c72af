import argon2 from 'argon2'
import pLimit from 'p-limit'
import { Problem } from '../problem.ts'

/** OWASP's first recommendation for argon2id: 19 MiB, 2 passes, 1 lane. About 23 ms. */
const ARGON2 = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** Hashes that run at once; each keeps a thread of libuv's pool busy, which DNS and files need too. */
const CONCURRENT = 2
/** Beyond this the vault answers 503 at once rather than letting a flood of log-ins grow a queue. */
const MAX_WAITING = 32

export interface ClientSecrets {
  hash(secret: string): Promise<string>
  /**
   * Compares in the time of one hash, whether or not there is anything to compare with.
   *
   * @param hash the stored PHC string; undefined for an unknown client
   * @throws {Problem} busy
   */
  verify(hash: string | undefined, secret: string): Promise<boolean>
}

export async function createClientSecrets(): Promise<ClientSecrets> {
  const limit = pLimit(CONCURRENT)
  const nobody = await argon2.hash('nobody knows this one', ARGON2)
  return {
    hash: (secret) => limit(() => argon2.hash(secret, ARGON2)),
    async verify(hash, secret) {
      if (limit.pendingCount >= MAX_WAITING) throw new Problem('busy')
      const matches = await limit(() => argon2.verify(hash ?? nobody, secret))
      return hash !== undefined && matches
    },
  }
}
