import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { referencingTables } from '../src/vault/referencing-tables.ts'
import { ORDER, PURE_FILES, PURE_FOLDERS } from './support/architecture.ts'
import {
  findCycle,
  type Import,
  reachableFrom,
  type SourceFile,
  sourceFiles,
  withoutComments,
} from './support/source-files.ts'

const everything = ['src', 'test', 'migrations', 'examples', 'packages/client/src', 'packages/client/examples'].flatMap(
  sourceFiles,
)
/** Written by a program. */
const WRITTEN = ['packages/client/src/api.ts']
const files = everything.filter((file) => file.path.startsWith('src/') && !file.path.endsWith('.test.ts'))

const folderOf = (path: string) => path.split('/').slice(0, -1).join('/')

/** Values and decisions: no database, no network, no files, nothing that imports such. */
const PURE = files
  .map(({ path }) => path)
  .filter((path) => {
    const folder = folderOf(path).replace(/^src\//, '')
    return (
      PURE_FOLDERS.includes(folder) || PURE_FILES[folder]?.includes(path.split('/').at(-1)!.slice(0, -'.ts'.length))
    )
  })

/** `node:module` loads a package, as an import does. */
const BUILT_IN_FOR_PURE = ['node:crypto', 'node:module', 'node:url', 'node:util']

/** Every file that takes a value out of a Sensitive, and why. */
const MAY_EXPOSE: Readonly<Record<string, string>> = {
  'src/access/authentication/authenticate-client.ts': 'compares a secret with its hash',
  'src/access/callers/clients.ts': 'hashes a new secret',
  'src/checkout/tokenize-in-session.ts': 'tells test cards from real ones',
  'src/cli/commands/clients-commands.ts': 'shows a new secret, once',
  'src/destinations/set/change-secrets.ts': 'seals a secret',
  'src/forward/prepare-forward.ts': 'fills a request with a security code',
  'src/records/approvals/approval-routes.ts': 'shows a second person the reason',
  'src/records/change/correct.ts': 'parses the correction',
  'src/records/read/match.ts': 'compares a value with a record',
  'src/records/reveal/release-to-partner.ts': 'encrypts to the key of a partner',
  'src/records/reveal/reveal-routes.ts': 'answers a reveal',
  'src/records/record/sealed-record.ts': 'seals',
  'src/records/search/search.ts': 'normalises the value to search by',
  'src/security-codes/sealed-code.ts': 'counts the digits of a security code, and seals it',
  'src/start/sample-callers.ts': 'writes the development credentials to their file',
}

const MAY_READ_ENVIRONMENT: Readonly<Record<string, string>> = {
  'src/config/config.ts': 'reads the options',
  'src/start/open-vault.ts': 'hands the environment to the doctor',
}

/** Programs of browsers: each is bundled by itself (`rolldown.config.ts`), and runs on no server. */
const BROWSER = 'src/checkout/browser/'
const ENTRIES = ['src/cli.ts', `${BROWSER}checkout.ts`, `${BROWSER}page.ts`]
/** Started as a process or thread of its own by the file beside it, which names it. */
const STARTED_BY = {
  'src/embedded-postgres/embedded-init.ts': 'src/embedded-postgres/embedded.ts',
  'src/keys/root-key/pkcs11-process.ts': 'src/keys/root-key/pkcs11.ts',
  'src/keys/root-key/passphrase-strength-program.ts': 'src/keys/root-key/passphrase-strength.ts',
  'src/keys/sealing/sealing-thread-program.ts': 'src/keys/sealing/sealing-thread.ts',
}

/** Where a noun is put together. */
const MAY_IMPORT_ROUTES = [
  'src/access/create-access.ts',
  'src/audit-api/create-audit-api.ts',
  'src/checkout/create-checkout.ts',
  'src/policies/create-policies.ts',
  'src/privacy/create-requests.ts',
  'src/privacy/consents/create-consents.ts',
  'src/forward/create-forward.ts',
  'src/records/record-api.ts',
  'src/security-codes/create-security-codes.ts',
  'src/vault/vault-api.ts',
]

const isRoutes = (path: string) => path.endsWith('-routes.ts')
const isStore = (path: string) => path.endsWith('-store.ts')

/** The place of a file in ORDER: of its folder under src, and of the folder inside that one, which is 0 at the top of a noun. */
function placeOf(path: string): { noun: number; inside: number } {
  const [, first = '', ...rest] = path.split('/')
  const noun = ORDER.findIndex(([name]) => name === first)
  return { noun, inside: rest.length < 2 ? 0 : (ORDER[noun]?.indexOf(rest[0]!) ?? -1) }
}

/** `importer → imported` for every import of one of the project's files that the rule forbids. */
function violations(forbids: (from: SourceFile, to: string, statement: Import) => boolean): string[] {
  return files.flatMap((from) =>
    from.imports
      .filter((statement) => statement.file !== undefined && forbids(from, statement.file, statement))
      .map(({ file }) => `${from.path} → ${file}`),
  )
}

describe('the scanner', () => {
  it('sees every file and every import', () => {
    expect(files.length).toBeGreaterThan(60)
    const seal = files.find(({ path }) => path === 'src/keys/sealing/committed-gcm.ts')
    expect(seal?.imports.map(({ specifier }) => specifier)).toContain('node:crypto')
    const keys = files.find(({ path }) => path === 'src/keys/ring/keys.ts')
    expect(keys?.imports).toContainEqual({
      specifier: '../key/key-store.ts',
      file: 'src/keys/key/key-store.ts',
      package: undefined,
      typeOnly: false,
    })
    for (const { path, text, imports } of files) {
      const written = withoutComments(text).match(/^(import|export)\b[^;]*?\bfrom\s+['"]/gm)?.length ?? 0
      expect(imports.length, path).toBeGreaterThanOrEqual(written)
    }
  })

  it('finds that every imported file exists', () => {
    const known = new Set(everything.map(({ path }) => path))
    expect(violations((_from, to) => !known.has(to) && !to.endsWith('.json'))).toEqual([])
  })
})

describe('folders', () => {
  it('have a place for every file', () => {
    const isPlaced = (path: string) => placeOf(path).noun >= 0 && placeOf(path).inside >= 0
    expect(files.map(({ path }) => path).filter((path) => !isPlaced(path))).toEqual([])
  })

  it('import downwards only', () => {
    expect(violations((from, to) => to.startsWith('src/') && placeOf(to).noun < placeOf(from.path).noun)).toEqual([])
  })

  it('inside a noun import downwards only', () => {
    expect(
      violations((from, to) => {
        const [above, below] = [placeOf(from.path), placeOf(to)]
        return above.noun === below.noun && below.inside > 0 && below.inside < above.inside
      }),
    ).toEqual([])
  })

  it('hold about 20 files at most', () => {
    const counts = Map.groupBy(files, ({ path }) => folderOf(path))
    expect([...counts].filter(([, { length }]) => length > 23).map(([folder]) => folder)).toEqual([])
  })

  it('leave src for the migrations only', () => {
    const outside = violations((_from, to) => !to.startsWith('src/'))
    expect(outside.length).toBeGreaterThan(0)
    for (const line of outside)
      expect(line).toMatch(
        /^src\/database\/migration\/(unreleased-migrations|migrate)\.ts → migrations\/(before-release\/)?\d{4}-[a-z-]+\.ts$/,
      )
  })

  it('have no cycles', () => {
    expect(findCycle(files)).toBeUndefined()
    expect(findCycle(everything.filter((file) => file.path.startsWith('packages/')))).toBeUndefined()
  })
})

describe('inside a noun', () => {
  it('routes are imported by the composition root only', () => {
    expect(violations((from, to) => isRoutes(to) && !MAY_IMPORT_ROUTES.includes(from.path))).toEqual([])
  })

  it('a store imports stores and values, never a use case', () => {
    const values = new Set(
      files
        .filter(({ imports }) => !imports.some(({ file = '' }) => isStore(file) || isRoutes(file)))
        .map(({ path }) => path),
    )
    expect(
      violations(
        (from, to) => isStore(from.path) && folderOf(from.path) === folderOf(to) && !isStore(to) && !values.has(to),
      ),
    ).toEqual([])
  })

  it('only routes know HTTP; use cases at most the form of an answer', () => {
    const isNoun = (path: string) => /^src\/(records|restore|schema|access|keys|audit|kinds)\//.test(path)
    const beyondAnswers = violations((from, to, { typeOnly }) => {
      if (!isNoun(from.path) || isRoutes(from.path) || !to.startsWith('src/http/')) return false
      return !(to === 'src/http/route.ts' && typeOnly)
    })
    expect(beyondAnswers).toEqual([])
    expect(violations((from, to) => /^src\/(kinds|keys)\//.test(from.path) && to.startsWith('src/http/'))).toEqual([])
  })

  it('pure files import pure files only', () => {
    for (const path of PURE) expect(files.map((file) => file.path)).toContain(path)
    expect(violations((from, to) => PURE.includes(from.path) && !PURE.includes(to))).toEqual([])
    const builtIn = files
      .filter(({ path }) => PURE.includes(path))
      .flatMap(({ path, imports }) => imports.map((statement) => `${path} → ${statement.specifier}`))
      .filter((line) => line.includes('→ node:') && !BUILT_IN_FOR_PURE.some((name) => line.endsWith(`→ ${name}`)))
    expect(builtIn).toEqual([])
  })
})

describe('single places', () => {
  const filesWith = (pattern: RegExp) => files.filter(({ text }) => pattern.test(withoutComments(text)))
  const pathsWith = (pattern: RegExp) => filesWith(pattern).map(({ path }) => path)

  it('only named files expose what is sensitive', () => {
    expect(pathsWith(/\.expose\(|\[['"]expose['"]\]|\bexpose\b[^\n]*\}\s*=/)).toEqual(Object.keys(MAY_EXPOSE).sort())
  })

  it('only named files read the environment', () => {
    const environment = /\bprocess\s*\.\s*env\b|process\[|\}\s*=\s*process\b|from 'node:process'/
    expect(pathsWith(environment)).toEqual(Object.keys(MAY_READ_ENVIRONMENT).sort())
  })

  it('a masked view leaves only where it is counted, or to the one who stored it', () => {
    const counted = pathsWith(/\bconsumeOrRefuse\(/)
    const shows = pathsWith(/(?<!function )\bmaskedView\(/)
    expect(shows).toContain('src/records/change/correct.ts')
    expect(shows.filter((path) => !counted.includes(path) && !path.startsWith('src/records/tokenize'))).toEqual([])
  })

  it('only committed-gcm.ts encrypts', () => {
    expect(pathsWith(/\bcreate(Cipher|Decipher)iv\b|\bsubtle\.(en|de)crypt\b/)).toEqual([
      'src/keys/sealing/committed-gcm.ts',
    ])
  })

  it('keys know no table that another noun stores under them', () => {
    const { sealed, hashed } = referencingTables
    const tables = [...new Set([...sealed.map(({ name }) => name), ...hashed.map(({ table }) => table)])]
    expect(tables).toContain('records')
    const named = new RegExp(`\\b(FROM|INTO|UPDATE|JOIN)\\s+(${tables.join('|')})\\b|['"](${tables.join('|')})\\b['".]`)
    expect(pathsWith(named).filter((path) => path.startsWith('src/records/'))).not.toEqual([])
    expect(pathsWith(named).filter((path) => path.startsWith('src/keys/'))).toEqual([])
  })

  it('every error class of ours is a VaultError, whose message may be logged', () => {
    const errors = pathsWith(/\bclass \w* ?extends (\w+\.)*(Aggregate|Range|Type|Syntax)?Error\b/)
    // What is thrown in a browser reaches no log of the vault.
    expect(errors.filter((path) => !path.startsWith(BROWSER))).toEqual(['src/values/vault-error.ts'])
  })

  it('only the operating system’s randomness is used', () => {
    expect(pathsWith(/\bMath\.random\b/)).toEqual([])
  })

  it('no code is made from text', () => {
    expect(pathsWith(/\beval\(|\bnew Function\(|from 'node:vm'/)).toEqual([])
  })

  it('exports have names', () => {
    expect(
      everything.filter(({ text }) => /^export (default\b|\{[^}]*\bas default\b)/m.test(text)).map(({ path }) => path),
    ).toEqual(['test/support/global-setup.ts', 'test/support/prepared-vault.ts'])
  })
})

describe('files', () => {
  it('and folders have names that say what they are', () => {
    const vague = /(^|[/.-])(utils?|helpers?|commons?|managers?|misc|shared|lib|service)([/.-]|$)/
    expect(everything.map(({ path }) => path).filter((path) => vague.test(path))).toEqual([])
    expect(everything.map(({ path }) => path).filter((path) => !/^[a-z0-9/-]+(\.test)?\.ts$/.test(path))).toEqual([])
  })

  it('have at most 300 lines', () => {
    const long = everything.map(({ path, text }) => [path, text.split('\n').length - 1] as const)
    expect(long.filter(([path, lines]) => lines > 300 && !WRITTEN.includes(path))).toEqual([])
  })

  it('are all reached from an entry', () => {
    for (const [program, starter] of Object.entries(STARTED_BY)) {
      const name = path.basename(program, '.ts')
      expect(files.find(({ path }) => path === starter)?.text).toContain(`\`${name}$`)
    }
    const reached = reachableFrom(everything, [...ENTRIES, ...Object.keys(STARTED_BY)])
    expect(files.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([])
  })

  it('tests are not imported by the program', () => {
    expect(violations((_from, to) => to.endsWith('.test.ts') || to.startsWith('test/'))).toEqual([])
  })
})
