import { timingSafeEqual } from 'node:crypto'
import canonicalize from 'canonicalize'
import { type Alert, createNewsAlert } from '../alert.ts'
import type { Keys } from '../keys/keys.ts'
import type { ClientWithSecrets } from './client-store.ts'
import type { Partner } from './partner-store.ts'

/** What a client may do and how it proves itself: all but what only takes away. */
export type GrantedClient = Omit<ClientWithSecrets, 'created_at' | 'revoked_at' | 'mac' | 'previous_secret_start'>

/** What a contract allows; its end before its time only takes away. */
export type GrantedContract = Pick<Partner, 'id' | 'purposes' | 'fields' | 'ends_at'>

/**
 * What only the vault can write beside a client and beside a contract. Whoever can write to the database and has no more than
 * that cannot give a client another role, scope, site, partner or secret, nor a partner another contract.
 */
export interface AccessMacs {
  /** @throws {Problem} sealed */
  ofClient(client: GrantedClient): Buffer
  /** @throws {Problem} sealed */
  ofContract(contract: GrantedContract): Buffer
  /** Whether the vault wrote it. If not, it grants nothing, and that is an alert. @throws {Problem} sealed */
  isClient(client: GrantedClient & { mac: Buffer | null }): boolean
  /** Likewise. */
  isContract(contract: GrantedContract & { mac: Buffer | null }): boolean
}

/** Stands in the manifest of the key registry once every client and contract has a MAC. */
export const ACCESS_MACS = 'access-macs'

export function createAccessMacs(deps: { keys: Pick<Keys, 'registry' | 'verified'>; alert: Alert }): AccessMacs {
  const { keys } = deps
  const tell = createNewsAlert(deps.alert)

  function isWritten(id: string, mac: Buffer | null, expected: Buffer): boolean {
    if (mac === null && !keys.verified.marks.includes(ACCESS_MACS)) return true
    if (mac !== null && mac.length === expected.length && timingSafeEqual(mac, expected)) return true
    tell(`${id} ${expected.toString('base64')}`, 'access-changed', { subject: id })
    return false
  }

  function macOf(domain: string, value: object): Buffer {
    return keys.registry.authenticate(domain, canonicalize(value) ?? '')
  }

  function ofClient(client: GrantedClient): Buffer {
    const { id, name, role, scopes, site, partner, keys, certificate } = client
    const { secret_hash, secret_start, previous_secret_hash } = client
    return macOf('strongroom client', {
      ...{ id, name, role, scopes, site, partner, keys, certificate, secret_hash, secret_start, previous_secret_hash },
      secret_expires_at: millisecondsOf(client.secret_expires_at),
      previous_secret_expires_at: millisecondsOf(client.previous_secret_expires_at),
    })
  }

  function ofContract({ id, purposes, fields, ends_at }: GrantedContract): Buffer {
    return macOf('strongroom contract', { id, purposes, fields, ends_at: millisecondsOf(ends_at) })
  }

  return {
    ofClient,
    ofContract,
    isClient: (client) => isWritten(client.id, client.mac, ofClient(client)),
    isContract: (contract) => isWritten(contract.id, contract.mac, ofContract(contract)),
  }
}

/** As text: PostgreSQL knows times that JSON does not, such as infinity, and somebody may have written one. */
function millisecondsOf(time: Date | null): string | null {
  return time === null ? null : String(Number(time))
}
