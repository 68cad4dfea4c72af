import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

export const START_VIEWER = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#viewer', deepLinking: false, validatorUrl: null })\n`

/** A file of the package that shows the description of the API in a browser. */
export function readViewerFile(name: string): Promise<Buffer> {
  return readFile(path.join(viewerFolder(), name))
}

/** The scripts of the viewer. They are read each time: an inventory is seldom asked for. */
export async function viewerScripts(): Promise<
  { name: string; path: string; reason: string; body: string | Buffer }[]
> {
  const bundle = await readViewerFile('swagger-ui-bundle.js')
  return [
    {
      name: 'swagger-ui-bundle.js',
      path: '/docs/swagger-ui-bundle.js',
      reason: 'Shows developers the description of the API at /docs. It is on no page for shoppers.',
      body: bundle,
    },
    {
      name: 'start.js',
      path: '/docs/start.js',
      reason: 'Opens the description of the API at /docs. It is on no page for shoppers.',
      body: START_VIEWER,
    },
  ]
}

/** The package itself is a program for browsers, so only its folder is looked up. */
function viewerFolder(): string {
  return path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
}
