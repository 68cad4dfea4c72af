import { z } from 'zod'
import { type SealContext, SealError } from '../sealing/seal-context.ts'
import { frameKey, unframeKey } from './key-frame.ts'
import { loadOptional } from './load-optional.ts'
import {
  type RootKeyCipher,
  RootKeyConfigError,
  type RootKeyProvider,
  type RootKeyRecord,
  RootKeyUnreachable,
} from './root-key.ts'
import { existingRootKey, newRootKey } from './root-key-check.ts'

/** One retry, because the lease and the start retry as well. */
const MAX_ATTEMPTS = 2
const CONNECT_MS = 2_000
const ANSWER_MS = 3_000
/** Even while the client still works. */
const TOTAL_MS = 8_000

/** The service's error for bytes that it cannot have encrypted in this context, under this key. */
const WRONG_CIPHERTEXT = ['InvalidCiphertextException', 'IncorrectKeyException']
/** Its answer to bytes that name a key of another account, or none; but also if the vault may not use its own. */
const DENIED = 'AccessDeniedException'

const parametersSchema = z.object({ keyId: z.string().min(1) })

/** The part of the AWS SDK that is used. */
interface KmsSdk {
  KMSClient: new (options: {
    maxAttempts: number
    requestHandler: { connectionTimeout: number; requestTimeout: number; throwOnRequestTimeout: boolean }
  }) => {
    send<Answer>(command: Command<Answer>, options: { abortSignal: AbortSignal }): Promise<Answer>
    destroy(): void
  }
  DescribeKeyCommand: CommandOf<object, { KeyMetadata?: { Arn?: string; KeySpec?: string } }>
  EncryptCommand: CommandOf<{ Plaintext: Uint8Array } & InContext, { CiphertextBlob?: Uint8Array }>
  DecryptCommand: CommandOf<{ CiphertextBlob: Uint8Array } & InContext, { Plaintext?: Uint8Array }>
}
interface Command<Answer> {
  /** Contains only the answer to the command. */
  readonly answer?: Answer
}
type CommandOf<Input, Answer> = new (input: Input & { KeyId: string }) => Command<Answer>
interface InContext {
  EncryptionContext: Record<string, string>
}

export interface AwsKmsOptions {
  /** Id, ARN or alias of a symmetric key; needed to make a root key, whose record keeps it. */
  keyId: string | undefined
}

/**
 * Root keys that stay inside AWS KMS: each key of the vault is encrypted there, with its context as the encryption context,
 * which CloudTrail shows. Credentials, region and endpoint are the SDK's own (`AWS_REGION`, `AWS_ENDPOINT_URL_KMS` …).
 */
export function createAwsKmsProvider({ keyId }: AwsKmsOptions): RootKeyProvider {
  return {
    name: 'aws-kms',
    canGoAway: true,
    async create(id, replaced, vault) {
      if (keyId === undefined) {
        throw new RootKeyConfigError(
          'STRONGROOM_ROOT_KEY_ID must name a symmetric KMS key: its id, ARN or alias ("alias/…").',
        )
      }
      const kms = connect()
      // An alias can be pointed at another key later; what is recorded is the key itself.
      const arn = await kms.arnOf(keyId)
      if (replaced?.provider === 'aws-kms' && replaced.parameters.keyId === arn) {
        kms.close()
        throw new RootKeyConfigError(
          `${arn} is the root key of this vault already: make another KMS key, and name it in STRONGROOM_ROOT_KEY_ID.`,
        )
      }
      return newRootKey({ id, provider: 'aws-kms', parameters: { keyId: arn } }, cipherOf(kms, arn), vault)
    },
    async requireConfigured(record) {
      if (keyId === undefined || record.provider !== 'aws-kms') return
      const { keyId: recorded } = parametersSchema.parse(record.parameters)
      if (keyId === recorded) return
      const kms = connect()
      const arn = await kms.arnOf(keyId).finally(kms.close)
      if (arn === recorded) return
      throw new RootKeyConfigError(
        `STRONGROOM_ROOT_KEY_ID leads to ${arn}, and the root key in the database is another KMS key: bring back the right database, or name its key.`,
      )
    },
    async open(record: RootKeyRecord) {
      const parameters = parametersSchema.parse(record.parameters)
      return existingRootKey(record, cipherOf(connect(), parameters.keyId))
    },
  }
}

type Kms = ReturnType<typeof connect>

function cipherOf(kms: Kms, keyId: string): RootKeyCipher {
  return {
    async wrap(key, context) {
      const frame = frameKey(key, context)
      try {
        return await kms.encrypt(keyId, frame, encryptionContext(context))
      } finally {
        frame.fill(0)
      }
    },
    async unwrap(wrapped, context) {
      const bound = encryptionContext(context)
      try {
        return unframeKey(await kms.decrypt(keyId, wrapped, bound), context)
      } catch (error) {
        if (!(error instanceof RootKeyUnreachable) || nameOf(error.cause) !== DENIED) throw error
        // Only bytes of our own show whether KMS refuses these bytes or everything.
        await kms.decrypt(keyId, await kms.encrypt(keyId, Buffer.from('probe'), bound), bound)
        throw new SealError('KMS does not know this ciphertext')
      }
    },
    describe: () => ({ provider: 'aws-kms', algorithm: 'AES-256-GCM in AWS KMS', strengthBits: 256, location: keyId }),
    close: kms.close,
  }
}

/** What KMS authenticates with the ciphertext and writes to its log; nothing in it is secret. */
function encryptionContext({ site: vault, kind, token, part, version }: SealContext): Record<string, string> {
  const facts = { application: 'strongroom', kind, id: token, part, version: String(version) }
  return vault === '' ? facts : { ...facts, vault }
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : 'unknown error')

/** The three calls that are needed, each within its time. */
function connect() {
  const sdk = loadOptional<KmsSdk>('@aws-sdk/client-kms')
  const client = new sdk.KMSClient({
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
  })
  const ask = async <Answer>(call: (options: { abortSignal: AbortSignal }) => Promise<Answer>): Promise<Answer> => {
    try {
      return await call({ abortSignal: AbortSignal.timeout(TOTAL_MS) })
    } catch (error) {
      const name = nameOf(error)
      if (WRONG_CIPHERTEXT.includes(name)) throw new SealError('KMS did not decrypt this under that key and context')
      throw new RootKeyUnreachable(`AWS KMS does not answer as it should (${name})`, { cause: error })
    }
  }
  return {
    async arnOf(keyId: string): Promise<string> {
      const { KeyMetadata } = await ask((options) => client.send(new sdk.DescribeKeyCommand({ KeyId: keyId }), options))
      if (KeyMetadata?.Arn === undefined || KeyMetadata.KeySpec !== 'SYMMETRIC_DEFAULT') {
        throw new RootKeyConfigError(`the KMS key that STRONGROOM_ROOT_KEY_ID names is not symmetric.`)
      }
      return KeyMetadata.Arn
    },
    async encrypt(keyId: string, plaintext: Uint8Array, context: Record<string, string>): Promise<Buffer> {
      const command = new sdk.EncryptCommand({ KeyId: keyId, Plaintext: plaintext, EncryptionContext: context })
      const { CiphertextBlob } = await ask((options) => client.send(command, options))
      if (CiphertextBlob === undefined) throw new RootKeyUnreachable('AWS KMS answered without a ciphertext')
      return Buffer.from(CiphertextBlob)
    },
    async decrypt(keyId: string, ciphertext: Uint8Array, context: Record<string, string>): Promise<Buffer> {
      const command = new sdk.DecryptCommand({ KeyId: keyId, CiphertextBlob: ciphertext, EncryptionContext: context })
      const { Plaintext } = await ask((options) => client.send(command, options))
      if (Plaintext === undefined) throw new RootKeyUnreachable('AWS KMS answered without a plaintext')
      return Buffer.from(Plaintext.buffer, Plaintext.byteOffset, Plaintext.byteLength)
    },
    close: () => client.destroy(),
  }
}
