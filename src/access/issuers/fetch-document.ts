import { get } from 'node:https'
import { VaultError } from '../../values/vault-error.ts'

/** A provider's documents are a few kilobytes. */
const MAX_BYTES = 256 * 1024
const TIMEOUT_MS = 5_000

/** The document is not what it should be; the message holds nothing of it. */
export class FetchError extends VaultError {
  override readonly name = 'FetchError'
}

/** Fetches a JSON document. @throws {Error} when it cannot be fetched */
export type FetchDocument = (url: string) => Promise<unknown>

/**
 * Fetches over verified TLS only, follows no redirect, and ends after 5 seconds or 256 KiB.
 *
 * @param ca PEM: the only authority to trust; those of Node when undefined
 */
export function createFetchDocument(ca: string | undefined): FetchDocument {
  return (url) =>
    new Promise((resolve, reject) => {
      if (!url.startsWith('https://')) {
        reject(new FetchError('only https is fetched'))
        return
      }
      const options = { ca, rejectUnauthorized: true, agent: false, signal: AbortSignal.timeout(TIMEOUT_MS) }
      const request = get(url, { ...options, headers: { Accept: 'application/json' } }, (response) => {
        if (response.statusCode !== 200) {
          request.destroy(new FetchError(`answered ${response.statusCode}`))
          return
        }
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > MAX_BYTES) request.destroy(new FetchError(`is longer than ${MAX_BYTES} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => {
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')))
          } catch {
            reject(new FetchError('is not JSON'))
          }
        })
      })
      request.on('error', reject)
    })
}
