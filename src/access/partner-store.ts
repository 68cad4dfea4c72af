import type { Queryable, Statement } from '../database/database.ts'
import type { Purpose } from './purpose.ts'

/** A third party that data are disclosed to, and what its contract allows. */
export interface Partner {
  id: string
  name: string
  /** ISO 3166-1 alpha-2: data may go abroad only knowingly. */
  country: string
  /** Whom to ask there. */
  contact: string
  purposes: readonly Purpose[]
  /** `kind.field`. */
  fields: readonly string[]
  /** From then on nothing is disclosed. */
  ends_at: Date
  created_at: Date
  /** When an operator ended it before its time. */
  ended_at: Date | null
}

const COLUMNS = 'id, name, country, contact, purposes, fields, ends_at, created_at, ended_at'

const INSERT: Statement = {
  name: 'insert-partner',
  text: `INSERT INTO partners (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)`,
}
const SELECT_ALL: Statement = {
  name: 'select-partners',
  text: `SELECT ${COLUMNS} FROM partners ORDER BY created_at, id`,
}
const END: Statement = {
  name: 'end-partner',
  text: 'UPDATE partners SET ended_at = coalesce(ended_at, $2) WHERE id = $1 RETURNING id',
}
const INSERT_CLIENT: Statement = {
  name: 'insert-partner-client',
  text: 'INSERT INTO partner_clients (client, partner) SELECT $1, id FROM partners WHERE id = $2 AND ended_at IS NULL RETURNING client',
}
const SELECT_CLIENTS: Statement = {
  name: 'select-partner-clients',
  text: 'SELECT client, partner FROM partner_clients',
}

export async function insertPartner(tx: Queryable, partner: Omit<Partner, 'ended_at'>): Promise<void> {
  const { id, name, country, contact, purposes, fields, ends_at, created_at } = partner
  await tx.query(INSERT, [id, name, country, contact, purposes, fields, ends_at, created_at])
}

export function selectPartners(db: Queryable): Promise<Partner[]> {
  return db.query(SELECT_ALL)
}

/** False for a partner that does not exist. */
export async function markPartnerEnded(tx: Queryable, id: string, now: Date): Promise<boolean> {
  return (await tx.query(END, [id, now])).length > 0
}

/** Makes a client one of the partner's. False for a partner that does not exist, or no longer does. */
export async function insertPartnerClient(tx: Queryable, client: string, partner: string): Promise<boolean> {
  return (await tx.query(INSERT_CLIENT, [client, partner])).length > 0
}

/** The partner of each client that has one, by the client's id. */
export async function selectPartnerClients(db: Queryable): Promise<ReadonlyMap<string, string>> {
  const rows = await db.query<{ client: string; partner: string }>(SELECT_CLIENTS)
  return new Map(rows.map(({ client, partner }) => [client, partner]))
}
