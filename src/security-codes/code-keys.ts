import canonicalize from 'canonicalize'
import type { Database } from '../database/database.ts'
import type { KeyState } from '../keys/key/key.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { type Alert, createNewsAlert } from '../observability/alert.ts'
import { type PublishedKey, publishKey, selectPublishedKeys, sweepKeys, withdrawKey } from './code-key-store.ts'
import { type KeyPair, newKeyPair } from './sealed-to-process.ts'
import { MAX_MINUTES } from './security-code.ts'

/** Clocks of servers may differ by a minute, and a process may be late. What is sealed to one that has ended opens nowhere. */
const ACCEPTS_FOR_MS = 3 * 60_000
/** A used code may be on the disk until its page is written again. So its key does not live for long. */
const SEALED_TO_FOR_MS = 15 * 60_000

const MAX_CODE_MS = MAX_MINUTES * 60_000

const DOMAIN = 'strongroom security-code key'
const PRESENT: readonly KeyState[] = ['active']
const FORMER: readonly KeyState[] = ['pre-active', 'deactivated']

/** The key pairs of this process and the public keys of the others. Private keys are in memory alone. */
export interface CodeKeys {
  /** Says that this process lives, and replaces its key pair in time. */
  publish(): Promise<void>
  /** The public keys to which a code is sealed: of this process, and of all others that live. */
  recipients(): Promise<Buffer[]>
  /** The key pairs of this process that may open a code. */
  pairs(): readonly KeyPair[]
  /** Forgets the key pairs. Other processes seal nothing to them from now on. */
  close(): Promise<void>
}

export interface CodeKeysDeps {
  database: Database
  keys: Pick<Keys, 'isSealed' | 'macs'>
  alert: Alert
  now: () => Date
}

export function createCodeKeys({ database, keys, alert, now }: CodeKeysDeps): CodeKeys {
  let pairs: (KeyPair & { madeAt: number })[] = []
  const tell = createNewsAlert(alert)

  /** The pair that codes are sealed to. */
  function current(): KeyPair {
    const at = now().getTime()
    // The last code that was sealed to a pair expires long before the pair is forgotten.
    pairs = pairs.filter(({ madeAt }) => at - madeAt < SEALED_TO_FOR_MS + ACCEPTS_FOR_MS + MAX_CODE_MS)
    if (pairs[0] === undefined || at - pairs[0].madeAt >= SEALED_TO_FOR_MS) {
      pairs.unshift({ ...newKeyPair(), madeAt: at })
    }
    return pairs[0]!
  }

  /** The database is not trusted: whoever can write to it could add a key of their own and read codes. */
  async function isOfVault(key: PublishedKey): Promise<boolean> {
    const text = keyText(key)
    if (await keys.macs.verify('access-mac', DOMAIN, text, key.mac, PRESENT)) return true
    // Its process publishes it again under the present key.
    if (await keys.macs.verify('access-mac', DOMAIN, text, key.mac, FORMER)) return false
    tell(text, 'security-code-key-forged', { public_key: key.publicKey.toString('base64') })
    return false
  }

  return {
    async publish() {
      if (keys.isSealed) return
      const { publicKey } = current()
      const key = { publicKey, acceptsUntil: new Date(now().getTime() + ACCEPTS_FOR_MS) }
      await publishKey(database, { ...key, mac: keys.macs.make('access-mac', DOMAIN, keyText(key)) })
      await sweepKeys(database, now())
    },
    async recipients() {
      const own = current().publicKey
      const published = await selectPublishedKeys(database, now())
      const others = published.filter(({ publicKey }) => !publicKey.equals(own))
      const isLive = await Promise.all(others.map(isOfVault))
      return [own, ...others.filter((_, at) => isLive[at]).map(({ publicKey }) => publicKey)]
    },
    pairs: () => pairs,
    async close() {
      const former = pairs
      pairs = []
      for (const { publicKey } of former) await withdrawKey(database, publicKey).catch(() => {})
    },
  }
}

function keyText({ publicKey, acceptsUntil }: Omit<PublishedKey, 'mac'>): string {
  return canonicalize({ public_key: publicKey.toString('base64'), accepts_until: String(Number(acceptsUntil)) }) ?? ''
}
