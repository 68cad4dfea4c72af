import { type FileHandle, open } from 'node:fs/promises'
import { VaultError } from '../../values/vault-error.ts'

/** A file of the ledger cannot be written or read; the message says why and names no line. */
export class LedgerFileError extends VaultError {
  override readonly name = 'LedgerFileError'
}

const LINE_BREAK = 0x0a

/** Adds lines at the end of the file, durably. Several processes may do so at once. @throws {LedgerFileError} */
export async function appendLines(file: string, lines: readonly string[]): Promise<void> {
  try {
    const handle = await open(file, 'a+', 0o600)
    try {
      const { size } = await handle.stat()
      const text = lines.map((line) => `${line}\n`).join('')
      // What a full disk has cut off stands alone, and is no line.
      const bytes = Buffer.from((await isCutOff(handle, size)) ? `\n${text}` : text)
      const { bytesWritten } = await handle.write(bytes)
      if (bytesWritten < bytes.length) throw new LedgerFileError(`${file} takes no more`)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw explain(file, error, 'written')
  }
}

async function isCutOff(handle: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer[0] !== LINE_BREAK
}

/** The lines of a file from a place on, in pages, each with the place after it. Nothing if there is no such file. */
export async function* readLines(
  file: string,
  from: number,
  pageBytes = 1024 * 1024,
): AsyncGenerator<{ lines: string[]; end: number }> {
  let handle: FileHandle
  try {
    handle = await open(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw explain(file, error, 'read')
  }
  try {
    for (let at = from; ; ) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(pageBytes), 0, pageBytes, at)
      const complete = buffer.subarray(0, bytesRead).lastIndexOf(LINE_BREAK) + 1
      // The rest is a line that another process is writing. A whole page is no line: what a fault left, and lines may follow.
      if (complete === 0 && bytesRead < pageBytes) return
      at += complete === 0 ? bytesRead : complete
      if (complete === 0) continue
      yield { lines: buffer.toString('utf8', 0, complete - 1).split('\n'), end: at }
    }
  } catch (error) {
    throw explain(file, error, 'read')
  } finally {
    await handle.close()
  }
}

/** How long the file is now; 0 if there is none. @throws {LedgerFileError} */
export async function sizeOf(file: string): Promise<number> {
  try {
    const handle = await open(file)
    try {
      return (await handle.stat()).size
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw explain(file, error, 'read')
  }
}

function explain(file: string, error: unknown, what: string): unknown {
  if (error instanceof LedgerFileError) return error
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? error : new LedgerFileError(`${file} cannot be ${what} (${code})`)
}
