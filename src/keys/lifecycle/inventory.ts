import type { Database } from '../../database/database.ts'
import { isClosed } from '../key/closed-keys.ts'
import { MAX_USES, wearOf } from '../key/cryptoperiod.ts'
import { isMacPurpose, type KeyPurpose, type KeyRow, keyPurposes, publicKeyOf, type RootKeyRow } from '../key/key.ts'
import { notifyKeysChanged } from '../key/key-store.ts'
import type { Keys } from '../ring/keys.ts'
import { algorithmIn } from '../root-key/token/wrap-way.ts'
import { countReferences, type References, totalOf } from '../rotation/reference-store.ts'

interface PurposeFacts {
  algorithm: string
  /** The security strength (NIST SP 800-57 part 1, table 2). */
  bits: number
  /** What the key does, and nothing else. */
  use: string
}

const AES = { algorithm: 'AES-256-GCM', bits: 256 }
const HMAC = { algorithm: 'HMAC-SHA-256', bits: 256 }
const ED25519 = { algorithm: 'Ed25519', bits: 128 }

const PURPOSES: Readonly<Record<KeyPurpose | 'root', PurposeFacts>> = {
  root: { ...AES, use: 'wraps all other keys' },
  display: { ...AES, use: 'seals what masked views of records show' },
  secret: { ...AES, use: 'seals the data of records, kept answers and reasons' },
  index: { ...HMAC, use: 'makes the search terms of all but card numbers, and the hashes of Idempotency-Keys' },
  'card-index': { ...HMAC, use: 'makes the search terms of card numbers' },
  'token-signing': { algorithm: 'ECDSA P-256', bits: 128, use: 'signs access tokens' },
  'audit-signing': { ...ED25519, use: 'signs the checkpoints of the audit log' },
  'certificate-signing': { ...ED25519, use: 'signs the certificates of retired keys' },
  'message-signing': { ...ED25519, use: 'signs requests to third parties' },
  'receipt-signing': { ...ED25519, use: 'signs receipts of consents' },
  'script-signing': { ...ED25519, use: 'signs the script of shops' },
  'registry-mac': { ...HMAC, use: 'authenticates the manifest of the key registry' },
  'access-mac': { ...HMAC, use: 'authenticates clients, contracts, roles, approvals and the ledger of access' },
  'event-mac': { ...HMAC, use: 'authenticates audit events on their way into the log' },
  'limit-mac': { ...HMAC, use: 'makes the names under which limits count' },
}

/** How long a server takes to report its uses. A slower server counts with its last report. */
const REPORTS_WITHIN_MS = 300

const DAY_MS = 24 * 60 * 60 * 1000

/** One key, with what an assessor asks for (PCI DSS 3.6.1.1). It holds no key material. */
export interface InventoryLine {
  id: string
  purpose: KeyPurpose | 'root'
  use: string
  algorithm: string
  strength_bits: number
  state: string
  /** Whether nothing opens under it: it is empty. */
  closed: boolean
  /** The provider of a root key; null for the keys that it wraps. */
  provider: string | null
  created_at: string
  activated_at: string | null
  deactivated_at: string | null
  compromised_at: string | null
  destroyed_at: string | null
  expires_at: string | null
  age_days: number
  /** For a signing key that is not destroyed: the key that verifies its signatures, in PEM. */
  public_key: string | null
  /** How often it protected something, as far as the servers have reported. Null for a MAC key, which time alone limits. */
  uses: number | null
  /** The same with what servers may use before they report again: what the limit is held against. */
  uses_at_most: number | null
  uses_limit: number | null
  /** How much of its time or uses is over: 1 is the end. Null for a key that does not protect. */
  worn: number | null
  /** How many values it encrypts. For a root key: how many keys it wraps. */
  references: number
  referenced_by: References
}

/** Every key that the vault has or had: by purpose, root keys first, then in the order of their making. */
export async function takeInventory(deps: {
  database: Database
  keys: Pick<Keys, 'referencing' | 'refresh' | 'ring' | 'verified'>
  now: () => Date
}): Promise<InventoryLine[]> {
  // A notification makes every server look at the registry, and report.
  await notifyKeysChanged(deps.database)
  await new Promise((resolve) => setTimeout(resolve, REPORTS_WITHIN_MS))
  await deps.keys.refresh()
  const { verified, ring } = deps.keys
  const { keys, rootKeys } = verified
  const now = deps.now()
  const references = await countReferences(deps.database, deps.keys.referencing, now)
  const wrapped = (id: string) => keys.filter((key) => key.root_key_id === id && key.wrapped !== null).length
  const publicKey = (id: string) => {
    const key = ring.find(id)
    return key?.secret.type === 'private' ? publicKeyOf(key) : null
  }
  return [
    ...rootKeys.map((row) => {
      const line = lineOf(asKey(row), 'root', { keys: wrapped(row.id) }, now, { provider: row.provider })
      return { ...line, algorithm: algorithmIn(row.parameters) ?? line.algorithm }
    }),
    ...keyPurposes.flatMap((purpose) =>
      keys
        .filter((row) => row.purpose === purpose)
        .map((row) => ({
          ...lineOf(row, purpose, references.get(row.id) ?? {}, now, { public_key: publicKey(row.id) }),
          closed: isClosed(verified.marks, row.id),
        })),
    ),
  ]
}

type Described = Omit<KeyRow, 'purpose' | 'root_key_id' | 'wrapped'>

function asKey(row: RootKeyRow): Described {
  return { ...row, compromised_at: null, destroyed_at: null, uses_reserved: 0 }
}

function lineOf(
  row: Described,
  purpose: InventoryLine['purpose'],
  referencedBy: References,
  now: Date,
  { provider = null, public_key = null }: Partial<Pick<InventoryLine, 'provider' | 'public_key'>>,
): InventoryLine {
  const { algorithm, bits, use } = PURPOSES[purpose]
  const isCounted = purpose === 'root' || !isMacPurpose(purpose)
  const iso = (time: Date | null) => time?.toISOString() ?? null
  return {
    id: row.id,
    purpose,
    use,
    algorithm,
    strength_bits: bits,
    state: row.state,
    closed: false,
    provider,
    created_at: row.created_at.toISOString(),
    activated_at: iso(row.activated_at),
    deactivated_at: iso(row.deactivated_at),
    compromised_at: iso(row.compromised_at),
    destroyed_at: iso(row.destroyed_at),
    expires_at: iso(row.expires_at),
    age_days: Math.floor((now.getTime() - row.created_at.getTime()) / DAY_MS),
    public_key,
    uses: isCounted ? row.uses : null,
    uses_at_most: isCounted ? row.uses + row.uses_reserved : null,
    uses_limit: isCounted ? MAX_USES : null,
    worn: row.state === 'active' ? Number(wearOf(row, now).toFixed(3)) : null,
    references: totalOf(referencedBy),
    referenced_by: referencedBy,
  }
}
