import type { AuditCaller } from '../event/audit-event.ts'

/**
 * Audit events in the Open Cybersecurity Schema Framework (https://schema.ocsf.io/1.8.0), for a SIEM. Members without
 * an attribute in the schema stay under `unmapped` with their own names. The log is built over the canonical form, not
 * over this one.
 */
const OCSF_VERSION = '1.8.0'

interface OcsfClass {
  category: number
  uid: number
}

/** Class 1008, Event Log Activity: what is done with the audit log itself. */
const EVENT_LOG: OcsfClass = { category: 1, uid: 1008 }
/** Class 3002, Authentication. */
const AUTHENTICATION: OcsfClass = { category: 3, uid: 3002 }
/** Class 3004, Entity Management: callers, roles, keys. */
const ENTITY: OcsfClass = { category: 3, uid: 3004 }
/** Class 6003, API Activity: calls that touched no record. */
const API: OcsfClass = { category: 6, uid: 6003 }
/** Class 6005, Datastore Activity: what is done with records. */
const DATASTORE: OcsfClass = { category: 6, uid: 6005 }

/** For actions that create, read, change and delete nothing; `activity_name` says what was done. */
const OTHER = 99

/** Class and activity of every type of event; the schema names the activities of a class by these numbers. */
const ACTIVITIES: Readonly<Record<string, readonly [OcsfClass, number]>> = {
  'record.tokenize': [DATASTORE, 6],
  'record.read': [DATASTORE, 1],
  'record.reveal': [DATASTORE, 10],
  'record.forward': [DATASTORE, 10],
  'record.release': [DATASTORE, 10],
  'forward.outcome': [DATASTORE, OTHER],
  'forward.preview': [DATASTORE, 1],
  'record.match': [DATASTORE, 4],
  'record.correct': [DATASTORE, 2],
  'record.erase-intent': [DATASTORE, OTHER],
  'record.erase': [DATASTORE, 7],
  'record.search': [DATASTORE, 4],
  'customer.erase': [DATASTORE, 7],
  'customer.report': [DATASTORE, 10],
  'consent.give': [DATASTORE, 2],
  'consent.withdraw': [DATASTORE, 2],
  'consent.receipt': [DATASTORE, 1],
  'request.refuse': [API, OTHER],
  'request.replay': [API, OTHER],
  'session.open': [ENTITY, 1],
  'session.complete': [ENTITY, 3],
  'session.expire': [ENTITY, 9],
  'privacy-request.open': [ENTITY, 1],
  'privacy-request.read': [ENTITY, 2],
  'privacy-request.change': [ENTITY, 3],
  'notice.queue': [ENTITY, 1],
  'notice.deliver': [ENTITY, OTHER],
  'withholding.order': [ENTITY, 10],
  'withholding.end': [ENTITY, 11],
  'security-code.keep': [ENTITY, 1],
  'token.issue': [AUTHENTICATION, 1],
  'client.add': [ENTITY, 1],
  'client.rotate-secret': [ENTITY, 3],
  'client.replace-keys': [ENTITY, 3],
  'client.end-credential': [ENTITY, 9],
  'client.revoke': [ENTITY, 9],
  'staff.disable': [ENTITY, 9],
  'staff.enable': [ENTITY, 8],
  'partner.add': [ENTITY, 1],
  'partner.replace-keys': [ENTITY, 3],
  'partner.end': [ENTITY, 9],
  'roles.apply': [ENTITY, 3],
  'policy.publish': [ENTITY, 1],
  'policy.adopt': [ENTITY, 3],
  'destinations.apply': [ENTITY, 3],
  'destinations.set-secret': [ENTITY, 3],
  'destinations.remove-secret': [ENTITY, 4],
  'access.explain': [API, 2],
  'access.review': [API, 2],
  'access.rebuild': [API, 3],
  'approval.list': [ENTITY, 2],
  'approval.request': [ENTITY, 1],
  'approval.break-glass': [ENTITY, 10],
  'approval.approve': [ENTITY, 10],
  'approval.refuse': [ENTITY, 11],
  'approval.review': [ENTITY, 3],
  'caller.suspend': [ENTITY, 12],
  'caller.lift': [ENTITY, 13],
  'key.create': [ENTITY, 1],
  'key.promote': [ENTITY, 10],
  'key.deactivate': [ENTITY, 11],
  'key.compromise': [ENTITY, 9],
  'key.destroy': [ENTITY, 4],
  'key.retire': [ENTITY, 3],
  'key.close': [ENTITY, 11],
  'key.reopen': [ENTITY, 10],
  'key.certify': [ENTITY, 2],
  'root-key.replace': [ENTITY, 3],
  'root-key.acknowledge': [ENTITY, 3],
  'root-key.share': [ENTITY, 3],
  'keys.rotate': [ENTITY, 3],
  'erasure.certify': [ENTITY, 2],
  'retention.run': [ENTITY, 4],
  'retention.enable': [ENTITY, 8],
  'retention.disable': [ENTITY, 9],
  'hold.add': [ENTITY, 1],
  'hold.release': [ENTITY, 4],
  'records.verify': [ENTITY, 2],
  'audit.read': [EVENT_LOG, 3],
  'audit.acknowledge': [EVENT_LOG, OTHER],
  'audit.key': [EVENT_LOG, OTHER],
  'audit.start': [EVENT_LOG, 6],
  'audit.stop': [EVENT_LOG, 7],
  'audit.gap': [EVENT_LOG, OTHER],
  'audit.drop': [EVENT_LOG, 2],
  'restore.apply': [EVENT_LOG, OTHER],
  'restore.waive': [EVENT_LOG, OTHER],
  migrate: [ENTITY, 3],
  'schema.accept': [ENTITY, 10],
  'audit.missing': [EVENT_LOG, OTHER],
  'audit.resume': [EVENT_LOG, OTHER],
  'audit.unproven': [EVENT_LOG, OTHER],
}

/** What `request.refuse` says of a log-in that failed: class Authentication, with the client that was claimed. */
const LOG_IN_REFUSED = 'invalid-client'

/** The parts of an event that have a place in the schema. */
interface ParsedEvent {
  id: string
  at: string
  type: string
  outcome: string
  format: number
  caller?: AuditCaller
  site?: string
  kind?: string
  code?: string
  subject?: string
  route?: string
  request_id?: string
  source?: string
  [fact: string]: unknown
}

/** Success, Failure. */
const STATUS = { success: [1, 'Success'], refused: [2, 'Failure'], failed: [2, 'Failure'] } as const
/** Informational for success, Low for a refusal, Medium for a failure of the vault. */
const SEVERITY = { success: 1, refused: 2, failed: 3 } as const
/** User, Admin, System, Service. */
const USER_TYPE = { staff: 1, operator: 2, vault: 3, client: 4 } as const

const PRODUCT = 'Strongroom'

/** An event of the log as OCSF has it: `body` is its canonical form. */
export function toOcsf(body: string, sequence: number, productVersion: string): Record<string, unknown> {
  const event = JSON.parse(body) as ParsedEvent
  const { id, at, type, outcome, format, caller, site, code, request_id, source, ...unmapped } = event
  const isLogIn = type === 'request.refuse' && code === LOG_IN_REFUSED
  const [ofClass, activity] = ACTIVITIES[isLogIn ? 'token.issue' : type] ?? [API, OTHER]
  const [status_id, status] = STATUS[outcome as keyof typeof STATUS] ?? [0, 'Unknown']
  return {
    activity_id: activity,
    ...(activity === OTHER ? { activity_name: type } : {}),
    category_uid: ofClass.category,
    class_uid: ofClass.uid,
    type_uid: ofClass.uid * 100 + activity,
    time: Date.parse(at),
    severity_id: SEVERITY[outcome as keyof typeof SEVERITY] ?? 0,
    status_id,
    status,
    status_code: code,
    metadata: {
      version: OCSF_VERSION,
      product: { name: PRODUCT, vendor_name: PRODUCT, version: productVersion },
      uid: id,
      sequence,
      event_code: type,
      log_name: 'audit',
      log_version: String(format),
      original_time: at,
      correlation_uid: request_id,
      tenant_uid: site,
    },
    actor: { user: userOf(caller) },
    src_endpoint: { name: caller?.id ?? 'unknown', ...endpointOf(source) },
    ...attributesOf(ofClass, event),
    unmapped: { outcome, ...unmapped },
  }
}

function userOf(caller: AuditCaller | undefined) {
  if (caller === undefined) return { name: 'unknown', type_id: 0 }
  const { id, kind, role } = caller
  return { uid: id, name: id, type_id: USER_TYPE[kind], groups: role && [{ name: role, type: 'role' }] }
}

/** Where an event comes from: an address, a network, or a machine on which the vault ran. */
function endpointOf(source: string | undefined): Record<string, string> {
  if (source === undefined || source === 'unknown') return {}
  if (source.startsWith('host:')) return { hostname: source.slice('host:'.length) }
  return source.includes('/') ? { subnet_uid: source } : { ip: source }
}

/** What a class requires beyond the base event. */
function attributesOf(ofClass: OcsfClass, event: ParsedEvent): Record<string, unknown> {
  const { type, caller, kind, subject, route, request_id } = event
  const service = { name: PRODUCT }
  switch (ofClass) {
    case DATASTORE:
      return { database: { name: PRODUCT, type_id: OTHER, type: 'vault' }, table: { name: kind ?? 'record' } }
    case AUTHENTICATION:
      // An operator signs tokens for the staff; a client gets its own.
      return {
        user: subject === undefined ? userOf(caller) : { uid: subject, name: subject },
        service,
        auth_protocol_id: 6,
      }
    case ENTITY:
      return { entity: { uid: subject ?? caller?.id ?? type, type: type.split('.')[0] } }
    case EVENT_LOG:
      return { log_name: 'audit', device: { name: PRODUCT, type_id: 1 } }
    default:
      return { api: { operation: route ?? type, service, request: request_id && { uid: request_id } } }
  }
}
