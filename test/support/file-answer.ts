import type { Response } from 'supertest'

/** A problem is read as JSON also where a file was asked for. */
export function asFile(response: Response, done: (error: Error | null, body: unknown) => void): void {
  const chunks: Buffer[] = []
  const stream = response as unknown as NodeJS.ReadableStream
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('end', () => {
    const body = Buffer.concat(chunks)
    done(null, /json/.test(response.headers['content-type'] ?? '') ? JSON.parse(body.toString('utf8')) : body)
  })
}
