import { open, stat } from 'node:fs/promises'
import canonicalize from 'canonicalize'
import { hashOfBase64 } from '../canonical-base64.ts'
import { TILE_WIDTH } from '../tile.ts'
import { type LoggedLeaf, type LogPage, type LogSource, subtreeKey } from './log-source.ts'

/**
 * A log in a file, as `audit export --format jsonl` writes it: a line for each event, `{"sequence":7,"event":{…}}`, in
 * ascending order. Of what was dropped a line may keep the hash of its leaf, `{"sequence":7,"hash":"<base64>"}`, or of 256
 * leaves that fill a tile, `{"sequence":256,"leaves":256,"hash":"<base64>"}`.
 */
export class LogFileError extends Error {
  override readonly name = 'LogFileError'
}

const PAGE_LEAVES = 32 * TILE_WIDTH
/** The last line is within so many bytes: an event has a few hundred. */
const TAIL_BYTES = 1024 * 1024

interface Line {
  sequence: number
  event?: unknown
  leaves?: number
  hash?: string
}

/** @throws {LogFileError} here and while it is read, when the file is no such log */
export async function openLogOfFile(file: string): Promise<LogSource> {
  const end = await readEnd(file)
  return { head: undefined, end, pages: () => readPages(file, end) }
}

async function* readPages(file: string, end: number): AsyncIterable<LogPage> {
  let page = createPage(0)
  let last = -1
  let number = 0
  const handle = await open(file)
  for await (const text of handle.readLines()) {
    number += 1
    if (text === '') continue
    const line = parseLine(text)
    if (line === undefined) throw new LogFileError(`line ${number} of ${file} is no line of an exported log`)
    if (line.sequence <= last) throw new LogFileError(`line ${number} of ${file} is not behind the line before it`)
    last = line.sequence
    while (line.sequence >= page.from + PAGE_LEAVES) {
      yield page.finish(page.from + PAGE_LEAVES)
      page = createPage(page.from + PAGE_LEAVES)
    }
    page.add(line)
  }
  // The last line may stand for many leaves.
  yield page.finish(Math.max(end, last + 1))
}

function createPage(from: number) {
  const leaves: LoggedLeaf[] = []
  const subtrees = new Map<string, Buffer>()
  return {
    from,
    add({ sequence, event, leaves: width, hash }: Line): void {
      const kept = hash === undefined ? undefined : hashOfBase64(hash)
      if (width === TILE_WIDTH && kept !== undefined) subtrees.set(subtreeKey(1, sequence / TILE_WIDTH), kept)
      else {
        const stored = event === undefined ? undefined : { body: canonicalize(event) ?? '', columns: undefined }
        leaves.push({ sequence, hash: kept, event: idOf(event), stored })
      }
    },
    finish: (to: number): LogPage => ({
      to,
      leaves,
      subtree: (level, index) => subtrees.get(subtreeKey(level, index)),
      hasSubtrees: false,
      checkpoints: [],
    }),
  }
}

function parseLine(text: string): Line | undefined {
  const line = parseJson(text) as Partial<Line> | undefined | null
  const { sequence, event, hash, leaves = 1 } = line ?? {}
  const isPlace = Number.isSafeInteger(sequence) && sequence! >= 0
  const isWide = leaves === TILE_WIDTH && sequence! % TILE_WIDTH === 0 && hash !== undefined
  const isHash = hash === undefined || (typeof hash === 'string' && hashOfBase64(hash) !== undefined)
  const hasContent = typeof event === 'object' && event !== null ? leaves === 1 : hash !== undefined
  return isPlace && (leaves === 1 || isWide) && isHash && hasContent ? (line as Line) : undefined
}

function idOf(event: unknown): string | undefined {
  const id = (event as { id?: unknown } | undefined)?.id
  return typeof id === 'string' ? id : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How many leaves the file has, by its last line. */
async function readEnd(file: string): Promise<number> {
  const { size } = await stat(file)
  const handle = await open(file)
  try {
    const length = Math.min(size, TAIL_BYTES)
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    const last = buffer.toString('utf8').trimEnd().split('\n').at(-1) ?? ''
    if (last === '') return 0
    const line = parseLine(last)
    if (line === undefined) throw new LogFileError(`the last line of ${file} is no line of an exported log`)
    return line.sequence + (line.leaves ?? 1)
  } finally {
    await handle.close()
  }
}
