import { Zip, ZipDeflate } from 'fflate'
import { giveWay } from '../../values/time-slice.ts'
import type { CustomerReport } from './customer-report.ts'
import { reportPage } from './report-page.ts'

const LEVEL = 6
/** So much is packed in well below a millisecond. */
const CHUNK_CHARACTERS = 16 * 1024

/** The report in one zip: `report.json` for programs, `report.html` for people. */
export async function packReport(report: CustomerReport): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  const zip = new Zip((error, chunk) => {
    if (error) throw error
    chunks.push(chunk)
  })
  const mtime = new Date(report.made_at)
  await pack(zip, 'report.json', mtime, [JSON.stringify(report, null, 1), '\n'])
  await pack(zip, 'report.html', mtime, reportPage(report))
  zip.end()
  return Buffer.concat(chunks)
}

async function pack(zip: Zip, name: string, mtime: Date, pieces: Iterable<string>): Promise<void> {
  const file = new ZipDeflate(name, { level: LEVEL })
  file.mtime = mtime
  zip.add(file)
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      // A pair of surrogates is one character.
      const end = at + CHUNK_CHARACTERS
      const isSplit = end < piece.length && piece.charCodeAt(end - 1) >>> 10 === 0xd800 >>> 10
      const next = isSplit ? end + 1 : end
      file.push(Buffer.from(piece.slice(at, next), 'utf8'))
      at = next
      await giveWay()
    }
  }
  file.push(new Uint8Array(0), true)
}
