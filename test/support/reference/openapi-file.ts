import { version } from '../../../src/config/version.ts'
import { openApiDocument } from '../../../src/http/documents/openapi.ts'
import { describedRoutes, ISSUER } from './routes.ts'

/** The routes that a running vault describes in `/openapi.json`: all but the files of the viewer. */
export function describedDocument() {
  const routes = describedRoutes().filter(({ path }) => path !== '/openapi.json' && !path.startsWith('/docs'))
  return openApiDocument(routes, { issuer: ISSUER, version })
}

/** The document as a file, for generators of clients. */
export function openApiFile(): string {
  return `${JSON.stringify(describedDocument(), null, 2)}\n`
}
