import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { roleOf } from '../access/policy/role-summary.ts'
import type { RoleName } from '../access/policy/roles.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { Vault } from '../vault.ts'

/** A client that a development vault makes for itself on its first start, with its secret. */
export interface SampleCaller {
  role: RoleName
  client_id: string
  client_secret: string
  scope: string
}

const SAMPLES: readonly RoleName[] = [
  'checkout',
  'fulfilment',
  'billing',
  'payments',
  'support',
  'privacy-officer',
  'auditor',
]
const OPERATOR: AuditCaller = { id: 'operator:first-start', kind: 'operator' }

/**
 * The sample callers of a development vault; made on its first start and kept in `sample-callers.json`, mode 0600.
 * They are clients called "sample …", which a production start refuses.
 */
export async function ensureSampleCallers(vault: Vault, dataDir: string): Promise<void> {
  const file = path.join(dataDir, 'sample-callers.json')
  if (existsSync(file)) return
  const callers: SampleCaller[] = []
  for (const role of SAMPLES) {
    const { scopes } = roleOf(role)
    const input = { name: `sample ${role}`, role, scopes, site: 'default' }
    const { id, secret } = await vault.commands.addClient(OPERATOR, input)
    callers.push({ role, client_id: id, client_secret: secret.expose(), scope: scopes.join(' ') })
  }
  await writeFile(file, `${JSON.stringify(callers, null, 2)}\n`, { mode: 0o600 })
}

/** The address of a newcomer's vault and how its programs are started, in words for a shell. */
export interface FirstStepsPlace {
  issuer: string
  caFile: string
  dataDir: string
  node: string
  strongroom: string
}

/** This vault, with the programs as this process runs them, which need no PATH. The paths are absolute. */
export function placeOf({ issuer, caFile, dataDir }: Record<'issuer' | 'caFile' | 'dataDir', string>): FirstStepsPlace {
  const node = quote(process.execPath)
  const cli = path.join(import.meta.dirname, `../cli${path.extname(import.meta.filename)}`)
  return {
    issuer,
    caFile: quote(caFile),
    dataDir: quote(dataDir),
    node,
    strongroom: `${node} ${quote(cli)}`,
  }
}

/** The next steps of a newcomer: lines that work as they are, pasted into one shell, and hold no secret. */
export function firstSteps(place: FirstStepsPlace): string {
  return `
Strongroom is open at ${place.issuer} (API: ${place.issuer}/docs). Try it; each of these lines can be pasted into a shell, in this order:
${firstLines(place)}
Sample callers for other roles are in sample-callers.json in the data directory. Ctrl-C stops everything.
`
}

/** The three lines, with a comment above each. */
function firstLines({ issuer, caFile, dataDir, node, strongroom }: FirstStepsPlace): string {
  const curl = `curl -sS --cacert ${caFile}`
  // curl reads the secret from its standard input: neither the line nor the list of processes shows it.
  const credentials = (role: RoleName) => `${node} -p '${READ_CREDENTIALS}' ${dataDir}/sample-callers.json ${role}`
  const token = (role: RoleName) =>
    `$(${credentials(role)} | ${curl} -K - -d grant_type=client_credentials ${issuer}/oauth/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`
  // A client's token would have to be bound to a key; one of `staff token` does not.
  const payer = `$(STRONGROOM_DATA_DIR=${dataDir} ${strongroom} staff token --name Bea --role billing)`
  const json = `-H 'Content-Type: application/json'`
  const bearer = (accessToken: string) => `-H "Authorization: Bearer ${accessToken}"`
  const card = `{"card":{"number":"4242 4242 4242 4242","exp_month":12,"exp_year":2031,"holder_name":"Tan Mei Ling"}}`
  return `
  # 1. the checkout tokenizes a card
  ANSWER=$(${curl} ${bearer(token('checkout'))} ${json} -d '${card}' ${issuer}/v1/tokenize); echo "$ANSWER"; CARD=$(echo "$ANSWER" | grep -o 'card_[0-9a-z]*')

  # 2. support reads it, masked
  ${curl} ${bearer(token('support'))} ${issuer}/v1/tokens/$CARD; echo

  # 3. a person in billing reveals it, to take a payment
  ${curl} ${bearer(payer)} ${json} -d '{"purpose":"process-payment"}' ${issuer}/v1/tokens/$CARD/reveal; echo
`
}

/** For `node -p`: the line of a curl configuration with the credentials of one role. */
const READ_CREDENTIALS =
  'const c = JSON.parse(fs.readFileSync(process.argv[1])).find(({ role }) => role === process.argv[2]); "user=" + c.client_id + ":" + c.client_secret'

/** One word for a POSIX shell, for any text. */
function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
