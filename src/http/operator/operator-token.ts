import { createHash, timingSafeEqual } from 'node:crypto'
import { ConfigError } from '../../config/config.ts'
import { readConfigFile } from '../../config/read-config-file.ts'

/** A token68 of RFC 6750 §2.1; 20 letters of base64 are 120 bits. */
const TOKEN = /^[A-Za-z0-9\-._~+/]{20,}=*$/

/**
 * Who may read the metrics: a caller with the bearer token in the file, or anyone if no file is named. The file is read
 * at each request, so that a new token counts at once and none stays in memory.
 *
 * @throws {ConfigError} if the file holds no token now; if that happens later, no one may read
 */
export async function createOperatorTokenCheck(
  file: string | undefined,
): Promise<(authorization: string | undefined) => Promise<boolean>> {
  if (file === undefined) return async () => true
  await readToken(file)
  return async (authorization) => {
    const shown = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (shown === undefined) return false
    // Digests have one length, whatever was sent.
    return timingSafeEqual(digest(shown), digest(await readToken(file)))
  }
}

async function readToken(file: string): Promise<string> {
  const token = (await readConfigFile(file)).trim()
  if (TOKEN.test(token)) return token
  throw new ConfigError(
    `${file} does not hold one bearer token of at least 20 letters: make one with "openssl rand -hex 32".`,
  )
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
