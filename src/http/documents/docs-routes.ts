import { z } from 'zod'
import { Problem } from '../../values/problem.ts'
import { type Answer, type Route, route } from '../route.ts'
import { docsHeaders } from '../security-headers.ts'
import { openApiDocument } from './openapi.ts'
import { PROBLEMS_PATH, problemPage } from './problem-page.ts'
import { readViewerFile, START_VIEWER } from './viewer.ts'

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Strongroom API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="viewer"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`
const SCRIPT = 'text/javascript; charset=utf-8'

const documented = { tag: 'Vault', access: 'public', audited: false, answersSealed: true } as const

/** The OpenAPI document of the other routes, and a viewer for it that loads nothing from anywhere else. */
export function createDocsRoutes<C>(
  routes: readonly Route<C>[],
  options: { issuer: string; version: string },
): Route<C>[] {
  const home = route<C>({
    ...documented,
    method: 'GET',
    path: '/',
    operationId: 'getRoot',
    summary: 'Leads to the documentation',
    responses: { 302: { description: 'to /docs' } },
    handle: () => ({ status: 302, headers: { Location: '/docs' } }),
  })
  const problems = route<C>({
    ...documented,
    method: 'GET',
    path: `${PROBLEMS_PATH}/:code`,
    operationId: 'getProblemPage',
    params: { code: z.string().meta({ description: 'The code of a problem', examples: ['unauthenticated'] }) },
    problems: ['not-found'],
    summary: 'What the code of a problem means, and what to do',
    responses: { 200: { description: 'an HTML page, or plain text for a client that asks for no HTML' } },
    handle: ({ params, headers }) => {
      const page = problemPage(params.code ?? '', headers.accept)
      if (page === undefined) throw new Problem('not-found')
      return page
    },
  })
  let description: string | undefined
  const assets: Record<string, () => Answer | Promise<Answer>> = {
    'swagger-ui.css': fileOfViewer('swagger-ui.css', 'text/css; charset=utf-8'),
    'swagger-ui-bundle.js': fileOfViewer('swagger-ui-bundle.js', SCRIPT),
    'start.js': () => ({ status: 200, body: START_VIEWER, contentType: SCRIPT, headers: docsHeaders }),
  }
  return [
    route<C>({
      ...documented,
      method: 'GET',
      path: '/openapi.json',
      operationId: 'getOpenApiDocument',
      summary: 'This API as an OpenAPI 3.1 document',
      responses: { 200: { description: 'the document' } },
      handle: () => {
        description ??= JSON.stringify(openApiDocument([...routes, home, problems], options))
        return { status: 200, body: description }
      },
    }),
    home,
    problems,
    route<C>({
      ...documented,
      method: 'GET',
      path: '/docs',
      operationId: 'getDocumentation',
      summary: 'The same in a browser, to read and to try',
      responses: { 200: { description: 'an HTML page' } },
      handle: () => ({ status: 200, body: PAGE, contentType: 'text/html; charset=utf-8', headers: docsHeaders }),
    }),
    ...Object.entries(assets).map(([name, answer]) =>
      route<C>({
        ...documented,
        method: 'GET',
        path: `/docs/${name}`,
        operationId: `get ${name}`,
        summary: 'Part of the viewer',
        responses: { 200: { description: 'the file' } },
        handle: answer,
      }),
    ),
  ]
}

/** Reads the file when it is first asked for, and keeps it: most processes never show the viewer, which has 1.7 MB. */
function fileOfViewer(name: string, contentType: string): () => Promise<Answer> {
  let body: Buffer | undefined
  return async () => {
    body ??= await readViewerFile(name)
    return { status: 200, body, contentType, headers: docsHeaders }
  }
}
