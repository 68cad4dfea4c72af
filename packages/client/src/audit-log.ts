import type { AuditEvent, AuditEventPage, MinimumIndex, operations, Receipt } from './api.ts'
import type { Call } from './call.ts'
import { Pages } from './pages.ts'
import type { CallOptions, CallVault } from './send-call.ts'

/** Which events are read; `limit` is the size of the pages. */
export type EventFilter = Omit<NonNullable<operations['listAuditEvents']['parameters']['query']>, 'after'>

/** Reads the audit log and what proves it. */
export class AuditLog {
  readonly #call: CallVault

  constructor(call: CallVault) {
    this.#call = call
  }

  /** Events in the order of time. Reading a page is an event too. */
  events(filter: EventFilter = {}, options?: CallOptions): Pages<AuditEvent, AuditEventPage> {
    return new Pages<AuditEvent, AuditEventPage>(
      (after) => this.#call({ method: 'GET', path: '/v1/audit/events', query: { ...filter, after } }, options),
      ({ events }) => events,
    )
  }

  /** What proves without the vault that an event is in the log. */
  receipt(event: string, options?: CallOptions): Call<Receipt> {
    return this.#call({ method: 'GET', path: `/v1/audit/events/${encodeURIComponent(event)}/receipt` }, options)
  }

  /** The latest checkpoint, a signed note (C2SP tlog-checkpoint). */
  checkpoint(options?: CallOptions): Call<string> {
    return this.#call({ method: 'GET', path: '/v1/audit/checkpoint', answer: 'text' }, options)
  }

  /** The first entry that is still published. */
  minimumIndex(options?: CallOptions): Call<MinimumIndex> {
    return this.#call({ method: 'GET', path: '/v1/audit/minimum-index' }, options)
  }

  /** A tile of hashes or of entries (C2SP tlog-tiles), by its path: `0/000`, `entries/000.p/12`. */
  tile(path: string, options?: CallOptions): Call<Uint8Array> {
    const encoded = path.split('/').map(encodeURIComponent).join('/')
    return this.#call({ method: 'GET', path: `/v1/audit/tile/${encoded}`, answer: 'bytes' }, options)
  }
}
