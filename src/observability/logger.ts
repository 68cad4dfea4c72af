import pino, { type DestinationStream, type Logger } from 'pino'

export type { Logger } from 'pino'

/** One structured line per request. Only these fields: no path (it may hold a value), no header, no body, no query. */
export interface RequestLine {
  request_id: string
  method: string
  /** The pattern of the route, never the path itself. */
  route: string
  status: number
  duration_ms: number
  code?: string | undefined
  caller?: string | undefined
  /** Why an answer was a 5xx, or which rule an access token failed, without anything that came from a request. */
  reason?: string | undefined
  /** The client that a request claims to come from which could not be authenticated. */
  claimed_client?: string | undefined
}

/** Lines are written together, when this many bytes have gathered or this much time has passed. */
const BUFFER_BYTES = 4096
const FLUSH_EVERY_MS = 200

/**
 * The log of the process: JSON lines with the time in ISO 8601, to stdout by default. One write to stdout takes as long
 * as a whole request spends in Express, so lines share one. What is still held is written when the process exits.
 */
export function createLogger(level: string, destination: DestinationStream = bufferedStdout()): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: levelName } }
  return pino(options, destination)
}

function bufferedStdout(): DestinationStream {
  const stdout = pino.destination({ dest: 1, sync: false, minLength: BUFFER_BYTES })
  setInterval(() => stdout.flush(), FLUSH_EVERY_MS).unref()
  process.once('exit', () => stdout.flushSync())
  return stdout
}

export function logRequest(logger: Logger, line: RequestLine): void {
  if (line.status >= 500) logger.error(line, 'request')
  else logger.info(line, 'request')
}

function levelName(label: string) {
  return { level: label }
}
