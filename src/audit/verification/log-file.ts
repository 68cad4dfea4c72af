import { open, stat } from 'node:fs/promises'
import canonicalize from 'canonicalize'
import { VaultError } from '../../values/vault-error.ts'
import { hashOfBase64 } from '../formats/canonical-base64.ts'
import { TILE_WIDTH } from '../formats/tile.ts'
import { type LogEvidence, type LoggedLeaf, type LogPage, type LogSource, subtreeKey } from './log-source.ts'

/**
 * A log in a file, as `audit export --format jsonl` writes it: a line for each event, `{"sequence":7,"event":{…}}`, in
 * ascending order. For dropped events a line keeps the hash of the leaf and the id of the event,
 * `{"sequence":7,"id":"evt_…","hash":"<base64>"}` (earlier versions wrote no id), or the hash of 256 leaves that fill a
 * tile, `{"sequence":256,"leaves":256,"hash":"<base64>"}`. A checkpoint, `{"checkpoint":"<signed note>"}`, follows the
 * leaves that it was signed over; the last one is the export's own.
 */
export class LogFileError extends VaultError {
  override readonly name = 'LogFileError'
}

const PAGE_LEAVES = 32 * TILE_WIDTH
/** The last line is within so many bytes: an event has a few hundred. */
const TAIL_BYTES = 1024 * 1024

interface Line {
  sequence: number
  event?: unknown
  /** The id of an event that was dropped. */
  id?: string
  leaves?: number
  hash?: string
}

interface CheckpointLine {
  checkpoint: string
}

/** @throws {LogFileError} here and while it is read, if the file is no such log */
export async function openLogOfFile(file: string): Promise<LogSource> {
  const { end, head } = await readEnd(file)
  return {
    head: head === undefined ? null : { place: `the last checkpoint of ${file}`, note: head },
    isAlone: true,
    end,
    pages: () => readPages(file, end, head),
  }
}

/** @param head the checkpoint that is known from before, and is not a page's */
async function* readPages(file: string, end: number, head: string | undefined): AsyncIterable<LogPage> {
  let page = createPage(0)
  let last = -1
  let number = 0
  const handle = await open(file)
  for await (const text of handle.readLines()) {
    number += 1
    if (text === '') continue
    const line = parseLine(text)
    if (line === undefined) throw new LogFileError(`line ${number} of ${file} is not a line of an exported log`)
    if ('checkpoint' in line) {
      if (line.checkpoint !== head) page.addCheckpoint({ place: `line ${number} of ${file}`, note: line.checkpoint })
      continue
    }
    if (line.sequence <= last) throw new LogFileError(`line ${number} of ${file} is not behind the line before it`)
    last = line.sequence
    while (line.sequence >= page.from + PAGE_LEAVES) {
      yield page.finish(page.from + PAGE_LEAVES)
      page = createPage(page.from + PAGE_LEAVES)
    }
    page.add(line)
  }
  // The last line may represent many leaves.
  yield page.finish(Math.max(end, last + 1))
}

function createPage(from: number) {
  const leaves: LoggedLeaf[] = []
  const subtrees = new Map<string, Buffer>()
  const checkpoints: LogEvidence[] = []
  return {
    from,
    addCheckpoint(evidence: LogEvidence): void {
      checkpoints.push(evidence)
    },
    add({ sequence, event, id, leaves: width, hash }: Line): void {
      const kept = hash === undefined ? undefined : hashOfBase64(hash)
      if (width === TILE_WIDTH && kept !== undefined) subtrees.set(subtreeKey(1, sequence / TILE_WIDTH), kept)
      else {
        const stored = event === undefined ? undefined : { body: canonicalize(event) ?? '', columns: undefined }
        leaves.push({ sequence, hash: kept, event: idOf(event) ?? id, stored })
      }
    },
    finish: (to: number): LogPage => ({
      to,
      leaves,
      subtree: (level, index) => subtrees.get(subtreeKey(level, index)),
      hasSubtrees: false,
      checkpoints,
    }),
  }
}

function parseLine(text: string): Line | CheckpointLine | undefined {
  const line = parseJson(text)
  if (typeof line !== 'object' || line === null) return undefined
  if ('checkpoint' in line) return typeof line.checkpoint === 'string' ? (line as CheckpointLine) : undefined
  const { sequence, event, id, hash, leaves = 1 }: Partial<Line> = line
  const isPlace = Number.isSafeInteger(sequence) && sequence! >= 0
  const isWide = leaves === TILE_WIDTH && sequence! % TILE_WIDTH === 0 && hash !== undefined
  const isHash = hash === undefined || (typeof hash === 'string' && hashOfBase64(hash) !== undefined)
  const isId = id === undefined || typeof id === 'string'
  const hasContent = typeof event === 'object' && event !== null ? leaves === 1 : hash !== undefined
  return isPlace && (leaves === 1 || isWide) && isHash && isId && hasContent ? (line as Line) : undefined
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

/** How many leaves the file has, by its last lines, and its last checkpoint. */
async function readEnd(file: string): Promise<{ end: number; head: string | undefined }> {
  const { size } = await stat(file)
  const handle = await open(file)
  try {
    const length = Math.min(size, TAIL_BYTES)
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    const lines = buffer.toString('utf8').trimEnd().split('\n').reverse()
    let head: string | undefined
    for (const text of lines) {
      if (text === '') continue
      const line = parseLine(text)
      if (line === undefined) throw new LogFileError(`the last line of ${file} is not a line of an exported log`)
      if (!('checkpoint' in line)) return { end: line.sequence + (line.leaves ?? 1), head }
      head ??= line.checkpoint
    }
    return { end: 0, head }
  } finally {
    await handle.close()
  }
}
