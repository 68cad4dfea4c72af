/** Syslog messages, RFC 5424, of audit events. */

/** Facility 13, "log audit" (section 6.2.1). */
const AUDIT_FACILITY = 13
/** Error, Warning, Informational (section 6.2.1). */
const SEVERITY: Readonly<Record<string, number>> = { failed: 3, refused: 4, success: 6 }

/**
 * The structured data's name, section 6.3.2: 32473 is the enterprise number that RFC 5612 reserves for documentation
 * and examples.
 */
const SD_ID = 'audit@32473'

/** The members that a receiver can filter by without parsing the message. */
const PARAMETERS = ['id', 'outcome', 'site', 'source', 'token', 'purpose', 'code', 'request_id'] as const

/**
 * One message. `text` is the event as JSON in ASCII, so that it survives receivers that take a message for a line or
 * guess the encoding. Parsed, it is the same event.
 *
 *     <110>1 2026-11-24T10:00:00.007Z host strongroom - record.reveal [audit@32473 sequence="7" id="evt_…" …] {…}
 */
export function syslogMessage(entry: { sequence: number; body: string }, text: string, hostname: string): string {
  const event = JSON.parse(entry.body) as Record<string, unknown> & { caller?: { id: string } }
  const priority = AUDIT_FACILITY * 8 + (SEVERITY[String(event.outcome)] ?? 5)
  const facts = [
    ['sequence', entry.sequence],
    ['caller', event.caller?.id],
    ...PARAMETERS.map((name) => [name, event[name]]),
  ] as const
  const parameters = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [` ${name}="${parameterValue(String(value))}"`],
  )
  const header = `<${priority}>1 ${event.at} ${headerField(hostname, 255)} strongroom - ${headerField(String(event.type), 32)}`
  return `${header} [${SD_ID}${parameters.join('')}] ${inAscii(text)}`
}

/** A message with its length in bytes before it: RFC 6587, section 3.4.1, and RFC 5425, section 4.3. */
export function inFrame(message: string): string {
  return `${Buffer.byteLength(message)} ${message}`
}

/** Printable ASCII and no space, or the sign for nothing (section 6). */
function headerField(text: string, maxLength: number): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '').slice(0, maxLength) || '-'
}

/** Section 6.3.3, and no control characters: some receivers take them for the end of a message. */
function parameterValue(text: string): string {
  return text.replaceAll(/[\p{C}\u2028\u2029]/gu, '?').replaceAll(/["\\\]]/g, '\\$&')
}

function inAscii(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
