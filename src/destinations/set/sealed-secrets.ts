import type { MacText } from '../../access/ledger/access-macs.ts'
import type { ReferencingTables } from '../../keys/sealing/referencing-tables.ts'
import { digestFacts } from '../../keys/sealing/row-facts.ts'
import type { SealContext } from '../../keys/sealing/seal-context.ts'
import { sealedTable } from '../../keys/sealing/sealed-table.ts'

/** A value of a secret: each has a revision of its own, which no other value ever had. */
export interface SecretValue {
  name: string
  revision: string
}

/** What a value is bound to: it opens as no other secret's, and as no other revision. */
export function secretContext({ name, revision }: SecretValue): SealContext {
  const facts = digestFacts(['destination-secret', revision])
  return { site: '', kind: 'destination-secret', token: name, part: 'value', version: 1, facts }
}

/** What the ledger of access keeps of it, so that a former value is not put back. */
export function secretText({ name, revision }: SecretValue): MacText {
  return { domain: 'strongroom destination secret', text: `${name}\n${revision}` }
}

/** The secrets that requests to destinations are signed with. */
export const secretTables: ReferencingTables = {
  sealed: [
    sealedTable('destination_secrets', {
      parts: { value: 'secret' },
      identity: { name: 'text' },
      unchanged: { revision: 'text' },
      context: (row) => secretContext({ name: row.name as string, revision: row.revision as string }),
    }),
  ],
  hashed: [],
}
