import type { Caller } from '../access/policy/caller.ts'
import { version } from '../config/version.ts'
import { type Answer, type Route, route } from '../http/route.ts'
import { publicHeaders } from '../http/security-headers.ts'
import type { ScriptKeys } from '../keys/script-keys.ts'
import { Problem } from '../values/problem.ts'
import { IMMUTABLE, type ListedScript, listScripts, loadScripts, type ScriptName } from './scripts.ts'
import { createScriptSigner, pinOf } from './sign-script.ts'

export interface ScriptRouteDeps {
  scriptKeys: ScriptKeys
}

const HTML = 'text/html; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'
const EVERGREEN_PATH = '/checkout.js'
const EVERGREEN = 'public, max-age=300'
/** A browser keeps no script without the signature that its page may ask for. */
const UNSIGNED = 'public, no-cache'

const shown = { access: 'public', audited: false, answersSealed: true, method: 'GET', tag: 'Checkout' } as const

/** What `/checkout/scripts.json` answers. */
interface Inventory {
  version: string
  scripts: readonly ListedScript[]
  signed: {
    path: string
    /** The keys that sign the script now, the current one first; none while the vault is sealed. */
    keys: {
      /** The public key in the form of the attribute `integrity`. */
      integrity: string
      /** Until when a replaced key signs beside the current one, which has null. */
      signs_until: string | null
    }[]
  }
}

/** The scripts of shops and of the pages of sessions, and the list of every script. */
export function createScriptRoutes({ scriptKeys }: ScriptRouteDeps): Route<Caller>[] {
  const bodyOf = async (name: ScriptName) => (await loadScripts())[name].body
  const signatures = createScriptSigner(scriptKeys, () => bodyOf('checkout.js'))
  const immutable = (operationId: string, name: ScriptName, summary: string) =>
    route<Caller>({
      ...shown,
      path: `/checkout/${version}/${name}`,
      operationId,
      summary,
      responses: { 200: { description: 'the script', contentType: SCRIPT } },
      handle: async () => ({
        status: 200,
        body: await bodyOf(name),
        contentType: SCRIPT,
        headers: publicHeaders(IMMUTABLE),
      }),
    })
  return [
    immutable('getCheckoutScriptOfVersion', 'checkout.js', 'The script for pages of shops, in this version'),
    immutable('getPageScript', 'page.js', 'The script of the pages of sessions'),
    route<Caller>({
      ...shown,
      path: EVERGREEN_PATH,
      operationId: 'getCheckoutScript',
      summary: 'The script for pages of shops, in the newest version',
      responses: { 200: { description: 'the script', contentType: SCRIPT } },
      handle: async () => {
        const signed = await signatures()
        const headers = { ...publicHeaders(signed === undefined ? UNSIGNED : EVERGREEN), ...signed }
        return { status: 200, body: await bodyOf('checkout.js'), contentType: SCRIPT, headers }
      },
    }),
    route<Caller>({
      ...shown,
      path: '/checkout/scripts.json',
      operationId: 'listScripts',
      summary: 'Every script that the vault serves, and the keys that sign the one of shops',
      responses: { 200: { description: 'the scripts with reason and hash, and the keys to pin' } },
      handle: async () => ({ status: 200, body: await inventory(scriptKeys) }),
    }),
    route<Caller>({
      ...shown,
      path: '/checkout/scripts',
      operationId: 'showScripts',
      summary: 'The same as a page',
      responses: { 200: { description: 'an HTML page', contentType: HTML } },
      handle: async (): Promise<Answer> => ({
        status: 200,
        body: inventoryPage(await inventory(scriptKeys)),
        contentType: HTML,
      }),
    }),
  ]
}

async function inventory(scriptKeys: ScriptKeys): Promise<Inventory> {
  return { version, scripts: await listScripts(), signed: { path: EVERGREEN_PATH, keys: pinsOf(scriptKeys) } }
}

function pinsOf(scriptKeys: ScriptKeys): Inventory['signed']['keys'] {
  try {
    return scriptKeys
      .signing()
      .map((key) => ({ integrity: pinOf(key), signs_until: key.signsUntil?.toISOString() ?? null }))
  } catch (error) {
    // The list is there for a sealed vault too, without the keys.
    if (error instanceof Problem) return []
    throw error
  }
}

function inventoryPage({ scripts, signed }: Inventory): string {
  const rows = scripts.map(
    ({ path, reason, integrity }) =>
      `<tr><td><code>${path}</code></td><td>${reason}</td><td><code>${integrity}</code></td></tr>`,
  )
  const keys = signed.keys.map(
    ({ integrity, signs_until }) =>
      `<tr><td><code>${integrity}</code></td><td>${signs_until === null ? 'current' : `until ${signs_until}`}</td></tr>`,
  )
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Scripts of Strongroom ${version}</title></head>
<body>
<h1>Scripts that this vault serves</h1>
<table>
<thead><tr><th>Script</th><th>Why it is there</th><th>Integrity</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
<h2>Keys that sign ${signed.path}</h2>
<table>
<thead><tr><th>Integrity</th><th>Signs</th></tr></thead>
<tbody>
${keys.join('\n')}
</tbody>
</table>
</body>
</html>
`
}
