import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type RoleName, roleOf } from './access/roles.ts'
import type { AuditCaller } from './audit/audit-event.ts'
import type { Strongroom } from './strongroom.ts'

/** A client that a development vault makes for itself on its first start, with its secret. */
export interface SampleCaller {
  role: RoleName
  client_id: string
  client_secret: string
  scope: string
}

const SAMPLES: readonly RoleName[] = ['checkout', 'fulfilment', 'billing', 'support', 'privacy-officer', 'auditor']
const OPERATOR: AuditCaller = { id: 'operator:first-start', kind: 'operator' }

/**
 * The sample callers of a development vault; made on its first start and kept in `sample-callers.json`, mode 0600.
 * They are clients called "sample …", which a production start refuses.
 */
export async function ensureSampleCallers(strongroom: Strongroom, dataDir: string): Promise<SampleCaller[]> {
  const file = path.join(dataDir, 'sample-callers.json')
  const existing = await readFile(file, 'utf8').catch(() => undefined)
  if (existing !== undefined) return JSON.parse(existing) as SampleCaller[]
  const callers: SampleCaller[] = []
  for (const role of SAMPLES) {
    const { scopes } = roleOf(role)
    const input = { name: `sample ${role}`, role, scopes, site: 'default' }
    const { id, secret } = await strongroom.commands.addClient(OPERATOR, input)
    callers.push({ role, client_id: id, client_secret: secret.expose(), scope: scopes.join(' ') })
  }
  await writeFile(file, `${JSON.stringify(callers, null, 2)}\n`, { mode: 0o600 })
  return callers
}

/** What a newcomer does next: lines that work as they stand, pasted into one shell. */
export function firstSteps(
  callers: readonly SampleCaller[],
  options: { issuer: string; caFile: string; dataDir: string },
): string {
  const { issuer, caFile, dataDir } = options
  const curl = `curl -sS --cacert '${caFile}'`
  const token = (role: RoleName) => {
    const { client_id, client_secret } = callers.find((caller) => caller.role === role)!
    return `$(${curl} -u '${client_id}:${client_secret}' -d grant_type=client_credentials ${issuer}/oauth/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`
  }
  const cli = path.join(import.meta.dirname, `cli${path.extname(import.meta.filename)}`)
  // A client's token would have to be bound to a key; one for trials need not be.
  const payer = `$(STRONGROOM_DATA_DIR='${dataDir}' '${process.execPath}' '${cli}' staff token --name Bea --role billing)`
  const json = `-H 'Content-Type: application/json'`
  const bearer = (accessToken: string) => `-H "Authorization: Bearer ${accessToken}"`
  const card = `{"card":{"number":"4242 4242 4242 4242","exp_month":12,"exp_year":2031,"holder_name":"Tan Mei Ling"}}`
  return `
Strongroom is open at ${issuer} (API: ${issuer}/docs). Try it; each of these lines can be pasted into a shell, in this order:

  # 1. the checkout tokenizes a card
  ANSWER=$(${curl} ${bearer(token('checkout'))} ${json} -d '${card}' ${issuer}/v1/tokenize); echo "$ANSWER"; CARD=$(echo "$ANSWER" | grep -o 'card_[0-9a-z]*')

  # 2. support reads it, masked
  ${curl} ${bearer(token('support'))} ${issuer}/v1/tokens/$CARD; echo

  # 3. somebody in billing reveals it, to take a payment
  ${curl} ${bearer(payer)} ${json} -d '{"purpose":"process-payment"}' ${issuer}/v1/tokens/$CARD/reveal; echo

Sample callers for other roles are in sample-callers.json in the data directory. Ctrl-C stops everything.
`
}
