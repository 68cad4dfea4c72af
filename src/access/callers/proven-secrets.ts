import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Above this number of clients, the client with the oldest log-in is forgotten. About 3 MB. */
const MAX_CLIENTS = 10_000

/** A secret in memory: a keyed hash, worth nothing outside this process. */
export type Proof = Buffer

/**
 * The secrets that have proved right in this process. A secret is remembered with the stored hash that it was compared with,
 * so it counts only as long as that hash is in force: a rotation, a revocation and an expiry end it on every server.
 */
export interface ProvenSecrets {
  proofOf(clientId: string, secret: string): Proof
  /** The stored hash that the secret was right for; undefined when it is not remembered. */
  hashFor(clientId: string, proof: Proof): string | undefined
  remember(clientId: string, proof: Proof, hash: string): void
  /** Drops what is remembered of the client, apart from secrets for these stored hashes. */
  keepOnly(clientId: string, hashes: readonly (string | null)[]): void
  forgetAll(): void
}

interface Proven {
  proof: Proof
  hash: string
}

export function createProvenSecrets(maxClients = MAX_CLIENTS): ProvenSecrets {
  const key = randomBytes(32)
  /** For each client the present secret and the one before; the latest client comes last. */
  const known = new Map<string, readonly Proven[]>()

  function put(clientId: string, secrets: readonly Proven[]): void {
    known.delete(clientId)
    if (secrets.length > 0) known.set(clientId, secrets)
  }

  return {
    // A JSON array has one reading, whatever the texts contain.
    proofOf: (clientId, secret) =>
      createHmac('sha256', key)
        .update(JSON.stringify([clientId, secret]))
        .digest(),
    hashFor(clientId, proof) {
      const secrets = known.get(clientId) ?? []
      const found = secrets.find((one) => timingSafeEqual(one.proof, proof))
      if (found !== undefined) put(clientId, secrets)
      return found?.hash
    },
    remember(clientId, proof, hash) {
      put(clientId, [...(known.get(clientId) ?? []).filter((one) => one.hash !== hash), { proof, hash }])
      if (known.size > maxClients) known.delete(known.keys().next().value!)
    },
    keepOnly(clientId, hashes) {
      const secrets = known.get(clientId)
      const kept = secrets?.filter(({ hash }) => hashes.includes(hash))
      if (kept?.length !== secrets?.length) put(clientId, kept ?? [])
    },
    forgetAll: () => known.clear(),
  }
}
