import type { Queryable, Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { EncryptionJwkSet } from '../policy/encryption-jwk.ts'
import type { Purpose } from '../policy/purpose.ts'
import { LEDGER_HEAD } from './access-ledger-store.ts'

/** A third party that data are disclosed to, and what its contract allows. */
export interface Partner {
  id: string
  name: string
  /** ISO 3166-1 alpha-2: a release to another country must be a decision. */
  country: string
  /** The contact of the partner. */
  contact: string
  purposes: readonly Purpose[]
  /** `kind.field`. */
  fields: readonly string[]
  /** After it nothing is disclosed. */
  ends_at: Date
  created_at: Date
  /** When an operator ended it before its time. */
  ended_at: Date | null
  /** What is released to the partner itself is encrypted to one of them; null for none. */
  keys: EncryptionJwkSet | null
}

/** A partner with the MAC of its contract; null for a contract that was ended, or is older than MACs. */
export interface StoredPartner extends Partner {
  mac: Buffer | null
}

const COLUMNS = 'id, name, country, contact, purposes, fields, ends_at, created_at, ended_at, keys'

const INSERT: Statement = {
  name: 'insert-partner',
  text: `INSERT INTO partners (${COLUMNS}, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, $9, $10) RETURNING mac = $10 AS done`,
}
const SELECT_ALL: Statement = {
  name: 'select-partners',
  text: `SELECT ${COLUMNS}, mac FROM partners ORDER BY created_at, id`,
}
const SELECT_CONTRACT: Statement = {
  name: 'select-contract',
  text: `SELECT a.version, (${LEDGER_HEAD}) AS ledger, p.* FROM access_version a
         LEFT JOIN (SELECT ${COLUMNS}, mac FROM partners WHERE id = $1) p ON true`,
}
const END: Statement = {
  name: 'end-partner',
  text: `WITH asked AS (SELECT ended_at IS NULL AS "isNews" FROM partners WHERE id = $1 FOR UPDATE),
         ended AS (UPDATE partners SET ended_at = coalesce(ended_at, $2), mac = NULL WHERE id = $1)
         SELECT "isNews" FROM asked`,
}
const IS_ENDED: Statement = {
  name: 'is-partner-ended',
  text: 'SELECT ended_at IS NOT NULL AND mac IS NULL AS done FROM partners WHERE id = $1',
}
const INSERT_CLIENT: Statement = {
  name: 'insert-partner-client',
  text: 'INSERT INTO partner_clients (client, partner) SELECT $1, id FROM partners WHERE id = $2 AND ended_at IS NULL RETURNING client',
}
const LOCK: Statement = {
  name: 'lock-partner',
  text: `SELECT ${COLUMNS}, mac FROM partners WHERE id = $1 FOR UPDATE`,
}
const UPDATE_KEYS: Statement = {
  name: 'update-partner-keys',
  text: 'UPDATE partners SET keys = $2, mac = $3 WHERE id = $1 RETURNING mac = $3 AS done',
}
/** Unless the contract was ended in the meantime: then it takes no keys. */
const UPDATE_MAC: Statement = {
  name: 'update-partner-mac',
  text: 'UPDATE partners SET mac = $2 WHERE id = $1 AND ended_at IS NULL',
}

export async function insertPartner(tx: Queryable, partner: Omit<StoredPartner, 'ended_at'>): Promise<void> {
  const { id, name, country, contact, purposes, fields, ends_at, created_at, keys, mac } = partner
  const contract = [purposes, fields, ends_at, created_at, jsonOf(keys)]
  requireDone(await tx.query(INSERT, [id, name, country, contact, ...contract, mac]))
}

export function selectPartners(db: Queryable): Promise<StoredPartner[]> {
  return db.query(SELECT_ALL)
}

/** One contract, at which version of everything that a caller's status is made of, and at which head of the ledger. */
export async function selectContract(
  db: Queryable,
  id: string,
): Promise<{ version: string; ledger: string | null; partner: StoredPartner | undefined }> {
  type Row = { version: string; ledger: string | null } & (StoredPartner | { id: null })
  const [row] = await db.query<Row>(SELECT_CONTRACT, [id])
  if (row === undefined) throw new VaultError('access_version has lost its row')
  const { version, ledger, ...partner } = row
  return { version, ledger, partner: partner.id === null ? undefined : partner }
}

export async function updatePartnerMac(tx: Queryable, id: string, mac: Buffer): Promise<void> {
  await tx.query(UPDATE_MAC, [id, mac])
}

/** The partner, locked until the end of the transaction. */
export async function lockPartner(tx: Queryable, id: string): Promise<StoredPartner | undefined> {
  return (await tx.query<StoredPartner>(LOCK, [id]))[0]
}

export async function updatePartnerKeys(tx: Queryable, { id, keys, mac }: StoredPartner): Promise<void> {
  requireDone(await tx.query(UPDATE_KEYS, [id, jsonOf(keys), mac]))
}

/** Whether its contract had not been ended before; undefined for a partner that does not exist. */
export async function markPartnerEnded(tx: Queryable, id: string, now: Date): Promise<{ isNews: boolean } | undefined> {
  const [partner] = await tx.query<{ isNews: boolean }>(END, [id, now])
  if (partner !== undefined) requireDone(await tx.query(IS_ENDED, [id]))
  return partner
}

/** Makes a client one of the partner's. False for a partner that does not exist, or no longer does. */
export async function insertPartnerClient(tx: Queryable, client: string, partner: string): Promise<boolean> {
  return (await tx.query(INSERT_CLIENT, [client, partner])).length > 0
}

function jsonOf(keys: EncryptionJwkSet | null): string | null {
  return keys === null ? null : JSON.stringify(keys)
}
