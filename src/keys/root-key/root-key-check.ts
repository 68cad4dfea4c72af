import { type SealContext, SealError } from '../sealing/seal-context.ts'
import { type RootKey, type RootKeyCipher, RootKeyMismatch, type RootKeyRecord } from './root-key.ts'

/** The text that the check value wraps. It is not secret, so it can be tried at any time. */
const CHECK_TEXT = Buffer.from('strongroom root key check value!')

/** As for the keys that it wraps, with the vault that it was made for; root keys of earlier versions name none. */
const checkContext = ({ id, parameters: { vault } }: RootKeyRecord): SealContext => ({
  site: typeof vault === 'string' ? vault : '',
  kind: 'root-key',
  token: id,
  part: 'check',
  version: 1,
})

/**
 * A root key that has just been made: its record gains a check value, a known text that it has wrapped (PCI DSS 3.7.7),
 * by which a later start distinguishes the right root key from a wrong one before anything else is unwrapped.
 *
 * @param vault the vault that it is made for, if that is known
 */
export async function newRootKey(
  { id, provider, parameters }: RootKeyRecord,
  cipher: RootKeyCipher,
  vault: string | undefined,
): Promise<RootKey> {
  const record = { id, provider, parameters: vault === undefined ? parameters : { ...parameters, vault } }
  const check = (await cipher.wrap(CHECK_TEXT, checkContext(record))).toString('base64url')
  return existingRootKey({ ...record, parameters: { ...record.parameters, check } }, cipher)
}

/** The root key of a record, once it has shown that it is the right one. @throws {RootKeyMismatch} */
export async function existingRootKey(record: RootKeyRecord, cipher: RootKeyCipher): Promise<RootKey> {
  const rootKey = withCheck(record, cipher)
  await rootKey.check()
  return rootKey
}

function withCheck(record: RootKeyRecord, cipher: RootKeyCipher): RootKey {
  return {
    ...cipher,
    record,
    async check() {
      // Root keys of version 0.1 have no check value; only their wrapped keys show whether it is the right one.
      if (typeof record.parameters.check !== 'string') return
      const text = await cipher
        .unwrap(Buffer.from(record.parameters.check, 'base64url'), checkContext(record))
        .catch((error) => {
          if (error instanceof SealError) return Buffer.alloc(0)
          throw error
        })
      if (!text.equals(CHECK_TEXT)) throw new RootKeyMismatch(record)
    },
  }
}
