import type { AccessLedger } from '../../access/ledger/access-ledger.ts'
import { isRecorded } from '../../access/ledger/access-macs.ts'
import { secretSubject } from '../../access/ledger/ledger-subject.ts'
import type { Database } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { createNewsAlert } from '../../observability/alert.ts'
import { type Destination, secretsOf } from '../destination.ts'
import { UnusableSecret } from '../unusable-secret.ts'

import { secretContext, secretText } from './sealed-secrets.ts'
import { selectSealedSecrets } from './secret-store.ts'

export interface OpenSecretsDeps {
  database: Database
  keys: Pick<Keys, 'open'>
  ledger: Pick<AccessLedger, 'settle'>
  tell: ReturnType<typeof createNewsAlert>
}

/**
 * The values of the secrets that a destination names, as far as they are there. A value that the vault did not write there last is not used, and
 * that is an alert.
 *
 * @throws {UnusableSecret} for a secret that is not the present one
 * @throws {Problem} record-integrity, sealed, busy, database-unavailable
 */
export async function openSecrets(
  { database, keys, ledger, tell }: OpenSecretsDeps,
  destination: Destination,
): Promise<ReadonlyMap<string, string>> {
  const names = secretsOf(destination)
  const values = new Map<string, string>()
  if (names.length === 0) return values
  const { answer, state } = await ledger.settle(() => selectSealedSecrets(database, names))
  for (const secret of answer.secrets) {
    const { name, revision } = secret
    if (!isRecorded(secretSubject(name), secretText(secret), state)) {
      tell(`secret ${name} ${revision}`, 'destinations-changed', {
        subject: name,
        reason: 'a secret is not the present one',
      })
      throw new UnusableSecret(`the secret ${name} was changed outside the vault.`)
    }
    values.set(name, (await keys.open(secret.value, secretContext(secret))).toString('utf8'))
  }
  return values
}
