import argon2 from 'argon2'
import pLimit from 'p-limit'
import { type Argon2Cost, isAffordableHash } from '../../keys/root-key/argon2-cost.ts'
import { Problem } from '../../values/problem.ts'
import { createProvenSecrets, type Proof } from './proven-secrets.ts'

/** OWASP's first recommendation for argon2id: 19 MiB, 2 passes, 1 lane. About 23 ms. */
const COST: Argon2Cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** The hash of a random text that nothing has kept, at the cost of every other: what the secret of an unknown client is compared with. */
const OF_NO_SECRET = '$argon2id$v=19$m=19456,p=1,t=2$3jY1bcoX9/KGZN8xBngLzQ$lFwANOiAitxI9xbvJEy8xY2rZhZ0j5LIHuPSR2+eBlQ'

/** Hashes that run at once, each on a thread of libuv's pool of four, which DNS, files and signatures need too. */
const CONCURRENT = { clients: 2, strangers: 1 }
/** Above this the vault answers 503 at once, so that a flood of log-ins does not grow a queue. */
const MAX_WAITING = { clients: 128, strangers: 32 }
/** The present secret and the one before. Further ones of the same client wait with those of unknown clients. */
const MAX_SECRETS_OF_CLIENT = 2

/** A text that a request gives as the secret of a client. */
export interface GivenSecret {
  clientId: string
  secret: string
  /** The stored PHC string to compare with; undefined for an unknown client. */
  hash: string | undefined
  /** Whether it begins as a stored secret of the client does. Only a caller who knows the secret can make it begin so. */
  beginsRight: boolean
}

export interface ClientSecrets {
  hash(secret: string): Promise<string>
  /** Whether this process has verified the secret before. Only `verify` says whether it is still right. */
  remembers(clientId: string, secret: string): boolean
  /**
   * Whether the secret is right. A remembered one is compared at once. Any other takes the time of one argon2 hash,
   * whether or not there is anything to compare with, and waits its turn: among clients if it begins right, otherwise
   * among guesses. An invalid stored hash, or one that costs more than `MAX_ARGON2`, is never computed and is wrong for
   * every secret.
   *
   * @throws {Problem} busy
   */
  verify(given: GivenSecret): Promise<boolean>
  /** Drops what is remembered of the client, apart from secrets for these stored hashes. */
  keepOnly(clientId: string, hashes: readonly (string | null)[]): void
  forgetAll(): void
}

/** @param cost of a new hash */
export function createClientSecrets(cost: Argon2Cost = COST): ClientSecrets {
  const clients = pLimit(CONCURRENT.clients)
  const strangers = pLimit(CONCURRENT.strangers)
  const proven = createProvenSecrets()
  /** What waits or runs among the clients, by client and then by proof: the same secret is hashed once for all who send it. */
  const underWay = new Map<string, Map<string, Promise<boolean>>>()

  async function compare({ clientId, secret, hash }: GivenSecret, proof: Proof): Promise<boolean> {
    const isComparable = hash !== undefined && isAffordableHash(hash)
    const matches = await argon2.verify(isComparable ? hash : OF_NO_SECRET, secret)
    if (!isComparable || !matches) return false
    proven.remember(clientId, proof, hash)
    return true
  }

  function amongStrangers(given: GivenSecret, proof: Proof): Promise<boolean> {
    if (strangers.pendingCount >= MAX_WAITING.strangers) throw new Problem('busy')
    return strangers(() => compare(given, proof))
  }

  function amongClients(given: GivenSecret, proof: Proof): Promise<boolean> {
    const { clientId } = given
    const ofClient = underWay.get(clientId) ?? new Map<string, Promise<boolean>>()
    const name = `${given.hash} ${proof.toString('base64')}`
    const same = ofClient.get(name)
    if (same !== undefined) return same
    if (ofClient.size >= MAX_SECRETS_OF_CLIENT) return amongStrangers(given, proof)
    if (clients.pendingCount >= MAX_WAITING.clients) throw new Problem('busy')
    const comparing = clients(() => compare(given, proof)).finally(() => {
      ofClient.delete(name)
      if (ofClient.size === 0) underWay.delete(clientId)
    })
    underWay.set(clientId, ofClient.set(name, comparing))
    return comparing
  }

  return {
    hash: (secret) => argon2.hash(secret, { ...cost, type: argon2.argon2id }),
    remembers: (clientId, secret) => proven.hashFor(clientId, proven.proofOf(clientId, secret)) !== undefined,
    async verify(given) {
      const proof = proven.proofOf(given.clientId, given.secret)
      const right = proven.hashFor(given.clientId, proof)
      if (right !== undefined && right === given.hash) return true
      return given.beginsRight ? amongClients(given, proof) : amongStrangers(given, proof)
    },
    keepOnly: proven.keepOnly,
    forgetAll: proven.forgetAll,
  }
}
