import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

interface Exchange {
  request: IncomingMessage
  response: ServerResponse
}

/** The requests of one connection: the one that is being answered, and those that Node has parsed after it. */
interface Line {
  current: Exchange | undefined
  waiting: Exchange[]
  /** How many there were so far. */
  begun: number
  /** Called when the line is empty. The connection takes no further requests then. */
  last: (() => void) | undefined
}

const lines = new WeakMap<Duplex, Line>()

/**
 * Hands over the requests of a connection one after the other: the next when the answer to the last one has been sent. HTTP
 * lets a client send requests ahead (RFC 9112 section 9.3.2), and Node hands over all that it has read. While one waits, the
 * connection is not read, so what a client sends ahead fills the buffers of the two hosts and not this process: what waits
 * here is what one TLS record held, 16 KiB.
 */
export function oneAtATime(handle: RequestListener): RequestListener {
  function start(line: Line, exchange: Exchange): void {
    const { request, response } = exchange
    const { socket } = request
    line.current = exchange
    response.once('close', () => next(line, socket))
    handle(request, response)
  }

  function next(line: Line, socket: Duplex): void {
    line.current = undefined
    // The client is gone, or knows that this was the last answer.
    if (socket.destroyed || !socket.writable) line.waiting = []
    const first = line.waiting.shift()
    if (first !== undefined) start(line, first)
    if (line.waiting.length > 0) return
    if (line.last === undefined) socket.resume()
    else if (line.current === undefined) line.last()
  }

  return (request, response) => {
    const line = lineOf(request.socket)
    line.begun++
    if (line.current === undefined) {
      start(line, { request, response })
    } else {
      line.waiting.push({ request, response })
      request.socket.pause()
    }
  }
}

/**
 * Calls back when the requests before have been answered: what follows them is not a request. At once if there are none,
 * or if the fault is in the body of the request that is being answered. Never if that has its answer already, which
 * then is the last one.
 */
export function afterAnswers(socket: Duplex, then: () => void): void {
  const line = lineOf(socket)
  if (line.waiting.at(-1)?.request.complete === false) line.waiting.pop()
  const { current } = line
  const isOwnBody = current !== undefined && line.waiting.length === 0 && !current.request.complete
  if (isOwnBody && current.response.headersSent) {
    current.response.end()
  } else if (current === undefined || isOwnBody) {
    then()
  } else {
    line.last ??= then
    socket.pause()
  }
}

/**
 * Calls back when the next request is late: at once, unless those before it are still being answered. Then the connection may
 * not have been read, and the client could not send the rest of it: it gets the time again.
 */
export function whenLate(socket: Duplex, patienceMs: number, then: () => void): void {
  const line = lineOf(socket)
  const isHeld = line.waiting.length > 0 || line.current?.request.complete === true
  if (!isHeld) {
    then()
    return
  }
  const { begun } = line
  const again = () => {
    if (!socket.destroyed && line.begun === begun) whenLate(socket, patienceMs, then)
  }
  setTimeout(again, patienceMs).unref()
}

function lineOf(socket: Duplex): Line {
  const known = lines.get(socket)
  if (known !== undefined) return known
  const line: Line = { current: undefined, waiting: [], begun: 0, last: undefined }
  lines.set(socket, line)
  // Reading the body of one request resumes the connection, although others wait after it.
  socket.on('resume', () => {
    if (line.waiting.length > 0 || line.last !== undefined) socket.pause()
  })
  return line
}
