import type { AccessLedger } from '../../access/ledger/access-ledger.ts'
import { selectLedgerHead } from '../../access/ledger/access-ledger-store.ts'
import type { AccessMacs } from '../../access/ledger/access-macs.ts'
import { selectClients } from '../../access/ledger/client-store.ts'
import { type Partner, selectPartners } from '../../access/ledger/partner-store.ts'
import { FORWARD, FORWARD_SCOPE } from '../../access/policy/roles.ts'
import type { CurrentRoles } from '../../access/roles-in-force/current-roles.ts'
import type { Database, Queryable } from '../../database/database.ts'
import { checkoutParts } from '../../kinds/checkout-parts.ts'
import { toPointer } from '../../values/parse-input.ts'
import type { InputError } from '../../values/problem.ts'
import { type Destination, fieldsOf, isCode, roleOf, secretPlaces } from '../destination.ts'
import type { DestinationsFile } from '../destination-file.ts'
import { leavesOf } from '../template.ts'
import { selectSecrets } from './secret-store.ts'

export interface CheckDestinationsDeps {
  database: Database
  ledger: Pick<AccessLedger, 'settle'>
  macs: Pick<AccessMacs, 'isContract'>
  roles: Pick<CurrentRoles, 'refresh'>
  now: () => Date
}

/** What keeps a file from being applied, and what an operator should know. */
export interface CheckedDestinations {
  faults: InputError[]
  warnings: InputError[]
}

/**
 * Compares a file with the contracts, secrets and clients that there are. Nothing is changed.
 *
 * @throws {Problem} sealed, busy, database-unavailable
 */
export async function checkDestinations(
  deps: CheckDestinationsDeps,
  { destinations, receivers }: DestinationsFile,
  db: Queryable = deps.database,
): Promise<CheckedDestinations> {
  const contracts = await findContracts(deps, db)
  const secrets = new Set((await selectSecrets(db)).map(({ name }) => name))
  const purposes = await findForwardedPurposes(deps, db)
  /** The contract of a partner, or why it allows nothing. */
  const contractOf = (partner: string) => {
    const contract = contracts.get(partner)
    if (contract === undefined) return `there is no partner ${partner}`
    return contract.ended_at !== null || contract.ends_at <= deps.now() ? 'its contract has ended' : contract
  }
  const faults: InputError[] = []
  const warnings: InputError[] = []
  for (const [name, destination] of Object.entries(destinations)) {
    const at = (path: readonly PropertyKey[], detail: string) => ({
      pointer: toPointer(['destinations', name, ...path]),
      detail,
    })
    faults.push(...contractFaults(destination, contractOf(destination.partner)).map((one) => at(...one)))
    for (const { name: secret, path } of secretPlaces(destination)) {
      if (!secrets.has(secret)) faults.push(at(path, `there is no secret ${secret}: run "destinations secret set"`))
    }
    if (!destination.purposes.some((purpose) => purposes.has(purpose))) {
      warnings.push(at(['purposes'], 'no client has a role that forwards cards for any of these purposes'))
    }
  }
  for (const partner of Object.keys(receivers?.partners ?? {})) {
    const contract = contractOf(partner)
    if (typeof contract !== 'string') continue
    faults.push({ pointer: toPointer(['receivers', 'partners', partner]), detail: contract })
  }
  return { faults, warnings }
}

type Fault = [path: readonly PropertyKey[], detail: string]

function contractFaults({ purposes, template }: Omit<Destination, 'name'>, contract: Partner | string): Fault[] {
  if (typeof contract === 'string') return [[['partner'], contract]]
  return [
    ...purposes.flatMap((purpose, at): Fault[] =>
      contract.purposes.includes(purpose) ? [] : [[['purposes', at], 'the contract does not name this purpose']],
    ),
    ...[...leavesOf(template)].flatMap(({ leaf, path }) => {
      const role = roleOf(leaf)
      if (role === undefined || isCode(leaf)) return []
      const named = fieldsOf(leaf).map((field) => `${checkoutParts[role].kind}.${field}`)
      return named
        .filter((field) => !contract.fields.includes(field))
        .map((field): Fault => [['template', ...path], `the contract does not name ${field}`])
    }),
  ]
}

/** Every contract that the vault wrote, by the id of its partner. */
async function findContracts(
  { ledger, macs }: CheckDestinationsDeps,
  db: Queryable,
): Promise<ReadonlyMap<string, Partner>> {
  const { answer, state } = await ledger.settle(
    async () => ({ partners: await selectPartners(db), ledger: await selectLedgerHead(db) }),
    db,
  )
  const found = new Map<string, Partner>()
  for (const partner of answer.partners) {
    // A contract that was ended has no MAC.
    if (partner.ended_at !== null || (await macs.isContract(partner, state))) found.set(partner.id, partner)
  }
  return found
}

/** The purposes for which some client may forward cards. */
async function findForwardedPurposes({ roles }: CheckDestinationsDeps, db: Queryable): Promise<ReadonlySet<string>> {
  const { roles: inForce } = await roles.refresh(db)
  const clients = (await selectClients(db)).filter(
    ({ revoked_at, scopes }) => revoked_at === null && (scopes as readonly string[]).includes(FORWARD_SCOPE),
  )
  const grants = clients.flatMap(({ role }) => (role === null ? [] : (inForce.get(role)?.grants ?? [])))
  return new Set(grants.filter(({ view }) => view === FORWARD).flatMap((grant) => grant.purposes))
}
