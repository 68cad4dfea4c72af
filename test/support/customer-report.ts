import { unzipSync } from 'fflate'
import type { Response } from 'supertest'
import type { CustomerReport } from '../../src/privacy/report/customer-report.ts'
import type { TestVault } from './test-vault.ts'

/** Asks for a report. The body is a buffer, or a problem. */
export function askForReport(vault: TestVault, token: string, body: object): Promise<Response> {
  return vault.call('POST', '/v1/customers/report', { token, body, isFile: true })
}

interface UnpackedReport {
  report: CustomerReport
  html: string
  names: string[]
}

export function unpackReport({ body, status }: Response): UnpackedReport {
  if (status !== 200) throw new Error(`the report was refused: ${JSON.stringify(body)}`)
  const files = unzipSync(body as Buffer)
  const text = (name: string) => Buffer.from(files[name]!).toString('utf8')
  return { report: JSON.parse(text('report.json')), html: text('report.html'), names: Object.keys(files) }
}

/** The report itself, of a caller that gets one. */
export async function reportOn(vault: TestVault, token: string, body: object): Promise<UnpackedReport> {
  return unpackReport(await askForReport(vault, token, body))
}
