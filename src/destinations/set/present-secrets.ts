import { stateOf } from '../../access/ledger/access-macs.ts'
import type { AccessChange } from '../../access/ledger/ledger-chain.ts'
import { secretSubject } from '../../access/ledger/ledger-subject.ts'
import type { Queryable } from '../../database/database.ts'
import { type SecretValue, secretText } from './sealed-secrets.ts'
import { selectSecrets } from './secret-store.ts'

/** What the ledger of access has of the secrets, from the rows that there are. */
export async function presentSecrets(tx: Queryable): Promise<AccessChange[]> {
  return (await selectSecrets(tx)).map(presentState)
}

/** What the ledger of access has of one. */
export function presentState(value: SecretValue): AccessChange {
  return { subject: secretSubject(value.name), state: stateOf(secretText(value)) }
}
