import { z } from 'zod'
import { auditCaller, type Caller } from '../access/policy/caller.ts'
import type { AuditFacts, NewAuditEvent } from '../audit/event/audit-event.ts'
import { selectEntries } from '../audit/event/event-row-store.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import { parseNote } from '../audit/formats/signed-note.ts'
import { entryBundle, hashesAt, parseTilePath, TILE_WIDTH, type Tile } from '../audit/formats/tile.ts'
import type { EventAuthenticity } from '../audit/log/event-authenticity.ts'
import { findMinimumIndex } from '../audit/log/find-drops.ts'
import { type LogHead, selectHead, selectTile } from '../audit/log/log-store.ts'
import { giveReceipt } from '../audit/log/receipt.ts'
import type { LogReaders } from '../audit/reading/log-readers.ts'
import { cosignaturesFor } from '../audit/witness/witness-store.ts'
import type { Database } from '../database/database.ts'
import { type Answer, type Route, type RouteRequest, route } from '../http/route.ts'
import { Problem } from '../values/problem.ts'
import { auditEventSchema } from './audit-event-schema.ts'
import { READ_SCOPES, readableSite } from './readable-site.ts'

/** A full tile never changes. A cache that keeps it for one caller may not give it to another. */
const FINAL = { 'cache-control': 'private, max-age=31536000, immutable' } as const

export interface LogRouteDeps {
  database: Database
  readers: LogReaders
  authenticity: EventAuthenticity
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
}

const receiptSchema = z
  .object({
    format: z.literal(1),
    event: auditEventSchema,
    body: z.string().describe('the canonical text of the event, RFC 8785: the bytes of the leaf'),
    index: z.number().int().describe('the number of the leaf'),
    proof: z.array(z.string()).describe('the inclusion proof of RFC 9162 section 2.1.3, base64'),
    checkpoint: z.string().describe('the signed note that the proof leads to'),
  })
  .meta({ id: 'Receipt', description: 'What proves, without the vault, that an event is in the log' })

const minimumIndexSchema = z.object({ minimum_index: z.number().int().min(0) }).meta({ id: 'MinimumIndex' })

/**
 * The log for its verifiers: checkpoints and tiles in the forms of C2SP, so that other tools read them, and the
 * receipts of single events. Reading events is an event; reading hashes is not.
 */
export function createLogRoutes(deps: LogRouteDeps): Route<Caller>[] {
  const { database, readers } = deps
  const recordRead = (request: RouteRequest<Caller>, facts: Partial<AuditFacts>) =>
    deps.writeAuditEvent(
      deps.newAuditEvent({
        type: 'audit.read',
        outcome: 'success',
        request_id: request.requestId,
        caller: auditCaller(request.caller, request),
        site: readableSite(request.caller),
        ...facts,
      }),
    )

  async function entries(request: RouteRequest<Caller>, tile: Tile, database: Database): Promise<Buffer> {
    // Dropped events are gone, with their site.
    if (tile.index * TILE_WIDTH + tile.width <= (await findMinimumIndex(database))) throw new Problem('event-dropped')
    const events = await selectEntries(database, tile)
    if ((await deps.authenticity.pick(events, database)).length < events.length) throw new Problem('audit-log-changed')
    // A leaf may be large, and a bundle is complete or refused: a caller who may not see one of its events cannot have
    // it.
    const site = readableSite(request.caller)
    if (site !== undefined && events.some((event) => event.site !== null && event.site !== site))
      throw new Problem('event-not-found')
    if (events.length < tile.width) throw new Problem('event-dropped')
    await recordRead(request, { count: events.length })
    return entryBundle(events.map(({ body }) => Buffer.from(body)))
  }

  async function hashes(tile: Tile): Promise<Buffer> {
    const found = await selectTile(database, tile)
    if (found.length < tile.width) throw new Problem('event-dropped')
    return Buffer.concat(found)
  }

  return [
    route<Caller>({
      method: 'GET',
      path: '/v1/audit/checkpoint',
      operationId: 'getCheckpoint',
      tag: 'Audit log',
      problems: ['log-pending'],
      summary: 'The latest checkpoint of the audit log, a signed note (C2SP tlog-checkpoint)',
      access: READ_SCOPES,
      audited: true,
      // A checkpoint shows a witness which log this is. It names no caller or record.
      answersOlder: true,
      responses: { 200: { description: 'the note', schema: z.string(), contentType: 'text/plain; charset=utf-8' } },
      handle: async () => {
        const { note } = await headOf(database)
        return text(note + (await cosignaturesFor(database, parseNote(note).text)))
      },
    }),
    route<Caller>({
      method: 'GET',
      path: '/v1/audit/minimum-index',
      operationId: 'getMinimumIndex',
      tag: 'Audit log',
      summary: 'The first entry that the bundles of the audit log still publish (C2SP tlog-tiles, "Pruning")',
      access: READ_SCOPES,
      audited: true,
      responses: { 200: { description: '0 while nothing was dropped', schema: minimumIndexSchema } },
      handle: async () => ({ status: 200, body: { minimum_index: await findMinimumIndex(database) } }),
    }),
    route<Caller>({
      method: 'GET',
      path: '/v1/audit/tile/*path',
      operationId: 'getTile',
      tag: 'Audit log',
      description: `Paths are those of C2SP \`tlog-tiles\`: \`<L>/<N>\` for hashes of level L, \`entries/<N>\` for events,
        with \`.p/<W>\` for a tile that is not full. A full tile is final. A bundle of entries is 404 for a
        caller who may not see one of its events, and 410 once its events were dropped.`,
      params: { path: z.string().meta({ description: 'The path of a tile (C2SP tlog-tiles)', examples: ['0/000'] }) },
      problems: ['not-found', 'event-not-found', 'event-dropped', 'log-pending'],
      // A monitor polls for tiles that do not exist yet. The answer tells it how large the tree is, as the checkpoint
      // does.
      silentRefusals: ['not-found'],
      summary: 'A tile of the audit log, or a bundle of its entries (C2SP tlog-tiles)',
      access: READ_SCOPES,
      audited: true,
      responses: {
        200: {
          description: 'hashes of 32 bytes, or entries behind their lengths',
          schema: z.string().meta({ format: 'binary' }),
          contentType: 'application/octet-stream',
        },
      },
      handle: async (request) => {
        const parsed = parseTilePath(request.params.path ?? '')
        if (parsed === undefined) throw new Problem('not-found')
        const { tile, kind } = parsed
        requireTile(tile, await headOf(database))
        const body =
          kind === 'entries'
            ? await readers.read(request.caller.id, (reader) => entries(request, tile, reader))
            : await hashes(tile)
        const headers = tile.width === TILE_WIDTH ? FINAL : {}
        return { status: 200, body, contentType: 'application/octet-stream', headers }
      },
    }),
    route<Caller>({
      method: 'GET',
      path: '/v1/audit/events/:event/receipt',
      operationId: 'getReceipt',
      tag: 'Audit log',
      description: `An event that has just happened waits up to three seconds for its place in the log, then the answer is
        503 \`log-pending\`. \`strongroom audit verify --receipt\` verifies a receipt without the vault.`,
      params: {
        event: z.string().meta({ description: 'The id of an event', examples: ['evt_01kx3v8m2q7x0k5n1r6t9w4y2b'] }),
      },
      problems: ['event-not-found', 'event-dropped', 'log-pending'],
      summary: 'The receipt of an event: the event, an inclusion proof and a checkpoint',
      access: READ_SCOPES,
      audited: true,
      responses: { 200: { description: 'the receipt; it can be verified without the vault', schema: receiptSchema } },
      handle: async (request) => {
        const { event = '' } = request.params
        if (!/^evt_[0-9a-z]{1,40}$/.test(event)) throw new Problem('event-not-found')
        const receipt = await giveReceipt(deps, readableSite(request.caller), event)
        await recordRead(request, { count: 1, subject: event })
        return { status: 200, body: receipt }
      },
    }),
  ]
}

async function headOf(database: Database): Promise<LogHead> {
  const head = await selectHead(database)
  if (head === undefined) throw new Problem('log-pending')
  return head
}

/** @throws {Problem} not-found for a tile that a tree of that size does not have */
function requireTile({ level, index, width }: Tile, { size }: LogHead): void {
  if (hashesAt(level, size) < index * TILE_WIDTH + width) throw new Problem('not-found')
}

function text(body: string): Answer {
  return { status: 200, body, contentType: 'text/plain; charset=utf-8' }
}
