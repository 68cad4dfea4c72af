import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Queryable } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { type Alert, createNewsAlert } from '../../observability/alert.ts'
import type { ClientWithSecrets } from './client-store.ts'
import type { AccessState } from './ledger-chain.ts'
import { clientSubject, partnerSubject } from './ledger-subject.ts'
import type { Partner } from './partner-store.ts'
import type { PolicyRow } from './policy-rows-store.ts'

/** What a client may do and how it proves itself, without what only takes access away. */
export type GrantedClient = Omit<ClientWithSecrets, 'created_at' | 'revoked_at' | 'mac' | 'previous_secret_start'>

/** What a contract allows; its end before its time only takes away. */
export type GrantedContract = Pick<Partner, 'id' | 'purposes' | 'fields' | 'ends_at' | 'keys'>

/**
 * MACs that only the vault can write, beside a client and beside a contract. A person who can write to the database and
 * has nothing else cannot give a client another role, scope, site, partner or secret, nor a partner another contract or another key.
 */
export interface AccessMacs {
  /**
   * See `Macs.hold`. Call it first in a transaction that writes a MAC. @throws {Problem} sealed, database-unavailable
   */
  hold(tx: Queryable): Promise<void>
  /** @throws {Problem} sealed */
  ofClient(client: GrantedClient): Buffer
  /** @throws {Problem} sealed */
  ofContract(contract: GrantedContract): Buffer
  /**
   * Whether the vault wrote it, and it was not changed since. If not, it grants nothing, and that is an alert.
   *
   * @param state what the ledger says at the moment of the row, see `AccessLedger`; undefined if the row counts alone
   * @throws {Problem} as `Macs.verify`
   */
  isClient(client: GrantedClient & { mac: Buffer | null }, state: AccessState | undefined): Promise<boolean>
  /** The same for a contract. */
  isContract(contract: GrantedContract & { mac: Buffer | null }, state: AccessState | undefined): Promise<boolean>
}

/** The text that a MAC is over, and its domain. */
export interface MacText {
  domain: string
  text: string
}

export function createAccessMacs(deps: { keys: Pick<Keys, 'macs'>; alert: Alert }): AccessMacs {
  const { keys } = deps
  const { macs } = keys
  const tell = createNewsAlert(deps.alert)

  async function isMade(mac: Buffer | null, { domain, text }: MacText): Promise<boolean> {
    return macs.verify('access-mac', domain, text, mac)
  }

  async function isWritten(id: string, mac: Buffer | null, written: MacText, isPresent: boolean): Promise<boolean> {
    if ((await isMade(mac, written)) && isPresent) return true
    tell(`${id} ${written.text}`, 'access-changed', { subject: id })
    return false
  }

  const make = ({ domain, text }: MacText) => macs.make('access-mac', domain, text)
  return {
    hold: (tx) => macs.hold(tx, 'access-mac'),
    ofClient: (client) => make(clientText(client)),
    ofContract: (contract) => make(contractText(contract)),
    isClient(client, state) {
      const { id, mac } = client
      const written = clientText(client)
      return isWritten(id, mac, written, isRecorded(clientSubject(id), written, state))
    },
    isContract(contract, state) {
      const { id, mac } = contract
      const written = contractText(contract)
      return isWritten(id, mac, written, isRecorded(partnerSubject(id), written, state))
    },
  }
}

/** What the ledger keeps of a row: SHA-256 of what the MAC of the row is over, in hexadecimal. */
export function stateOf({ domain, text }: MacText): string {
  return hash('sha256', `${domain}\0${text}`, 'hex')
}

/** Whether the ledger says that the row is the present one. */
export function isRecorded(subject: string, written: MacText, state: AccessState | undefined): boolean {
  return state === undefined || state.get(subject) === stateOf(written)
}

export function clientText(client: GrantedClient): MacText {
  const { id, name, role, scopes, site, partner, keys, certificate } = client
  const { secret_hash, secret_start, previous_secret_hash } = client
  return {
    domain: 'strongroom client',
    text: canonical({
      id,
      name,
      role,
      scopes,
      site,
      partner,
      keys,
      certificate,
      secret_hash,
      secret_start,
      previous_secret_hash,
      secret_expires_at: millisecondsOf(client.secret_expires_at),
      previous_secret_expires_at: millisecondsOf(client.previous_secret_expires_at),
    }),
  }
}

/** Without keys it is the text of a contract from before partners had any. */
export function contractText({ id, purposes, fields, ends_at, keys }: GrantedContract): MacText {
  return {
    domain: 'strongroom contract',
    text: canonical({ id, purposes, fields, ends_at: millisecondsOf(ends_at), ...(keys === null ? {} : { keys }) }),
  }
}

/** What the ledger of access keeps of the policies: all versions, their hashes and times, and the adoptions. */
export function policiesText(rows: readonly PolicyRow[]): MacText {
  const lines = rows
    .map(({ version, sha256, published_at, adopted_at }) => [
      version,
      sha256,
      millisecondsOf(published_at),
      millisecondsOf(adopted_at),
    ])
    .toSorted(([one], [other]) => (one! < other! ? -1 : 1))
  return { domain: 'strongroom policies', text: canonical(lines) }
}

function canonical(value: object): string {
  return canonicalize(value) ?? ''
}

/** As text, because the row may contain a time that JSON does not have, such as infinity. */
function millisecondsOf(time: Date | null): string | null {
  return time === null ? null : String(Number(time))
}
