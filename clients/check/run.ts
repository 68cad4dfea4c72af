/**
 * `npm run test:clients`: lints the API document, makes a client of it with each generator whose tools are here, compiles the
 * client, and tokenizes, reads and reveals once with it against a built vault over TLS. Fails if one of them does, and names
 * those that were left out.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { type CheckedVault, startVault } from './vault.ts'

const HERE = import.meta.dirname
const ROOT = path.join(HERE, '../..')
const GENERATED = path.join(HERE, 'generated')
const DOCUMENT = path.join(ROOT, 'docs/reference/openapi.json')
const PYTHON = path.join(ROOT, '.ci-venv/clients/bin')
const NODE_TOOLS = path.join(HERE, 'node_modules/.bin')

interface Step {
  command: string
  args: readonly string[]
  cwd?: string
  env?: Readonly<Record<string, string>>
}

interface Check {
  name: string
  /** What it needs, by the name to tell; absent files and programs leave it out. */
  needs: Readonly<Record<string, boolean>>
  steps(vault: CheckedVault): readonly Step[]
}

const has = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
const java = { 'Java 17 and Maven': has('javac', '-version') && has('mvn', '-v') }
const npmTools = { 'npm ci --prefix clients/check': existsSync(path.join(NODE_TOOLS, 'redocly')) }
const pythonTools = {
  '.ci-venv/clients with clients/check/requirements.txt': existsSync(path.join(PYTHON, 'openapi-python-client')),
}

const tool = (name: string, ...args: string[]): Step => ({ command: path.join(NODE_TOOLS, name), args, cwd: HERE })
const python = (...args: string[]): Step => ({ command: path.join(PYTHON, 'python'), args, cwd: HERE })

const checks: readonly Check[] = [
  {
    name: 'redocly lint',
    needs: npmTools,
    steps: () => [
      { ...tool('redocly', 'lint', '--extends', 'recommended', DOCUMENT), env: { REDOCLY_TELEMETRY: 'off' } },
    ],
  },
  {
    name: 'spectral',
    needs: npmTools,
    steps: () => [tool('spectral', 'lint', '--fail-severity', 'hint', '--ruleset', 'spectral.yaml', DOCUMENT)],
  },
  {
    name: 'openapi-spec-validator',
    needs: pythonTools,
    steps: () => [python('-m', 'openapi_spec_validator', DOCUMENT)],
  },
  {
    name: 'openapi-typescript and hey-api',
    needs: npmTools,
    steps: (vault) => [
      tool('openapi-typescript', DOCUMENT, '--output', 'generated/openapi-typescript/schema.d.ts'),
      tool('openapi-ts', '--file', 'openapi-ts.config.ts'),
      tool('tsc', '--project', 'typescript/tsconfig.json'),
      ...['openapi-typescript', 'hey-api'].map((name) => ({
        command: process.execPath,
        args: [path.join(GENERATED, `javascript/typescript/${name}.js`)],
        env: callersOf(vault),
      })),
    ],
  },
  {
    name: 'openapi-python-client',
    needs: pythonTools,
    steps: (vault) => [
      {
        command: path.join(PYTHON, 'openapi-python-client'),
        args: [
          'generate',
          '--path',
          DOCUMENT,
          '--meta',
          'none',
          '--output-path',
          'strongroom_client_check',
          '--config',
          path.join(HERE, 'python/openapi-python-client.yaml'),
        ],
        cwd: GENERATED,
      },
      { ...python('python/openapi_python_client.py'), env: { ...callersOf(vault), PYTHONPATH: GENERATED } },
    ],
  },
  {
    name: 'OpenAPI Generator, Java',
    needs: java,
    steps: (vault) => [
      { command: 'mvn', args: ['--quiet', '--batch-mode', 'compile'], cwd: path.join(HERE, 'java') },
      {
        command: 'sh',
        args: ['-c', 'exec java -cp "generated/java/target/classes:$(cat generated/java/classpath)" Check'],
        cwd: HERE,
        env: callersOf(vault),
      },
    ],
  },
  {
    name: 'OpenAPI Generator, Python',
    needs: { ...java, ...pythonTools },
    // The build of the Java client generates it, since the generator is a Java program.
    steps: (vault) => [
      {
        ...python('python/openapi_generator.py'),
        env: { ...callersOf(vault), PYTHONPATH: path.join(GENERATED, 'openapi-generator-python') },
      },
    ],
  },
  {
    name: 'oapi-codegen',
    needs: { Go: has('go', 'version') },
    steps: (vault) => {
      const cwd = path.join(HERE, 'go')
      const generate = ['tool', 'oapi-codegen', '-generate', 'types,client', '-package', 'strongroom']
      return [
        { command: 'go', args: [...generate, '-o', 'strongroom/client.go', DOCUMENT], cwd },
        { command: 'go', args: ['run', '.'], cwd, env: callersOf(vault) },
      ]
    },
  },
  {
    name: 'schemathesis',
    needs: pythonTools,
    steps: (vault) => [{ ...python('schemathesis/run.py', DOCUMENT), env: callersOf(vault) }],
  },
]

/** Where the vault is, and who may call it, for the programs. */
function callersOf({ url, caFile, callers }: CheckedVault): Record<string, string> {
  const credentials = callers.flatMap(({ role, client_id, client_secret }) => {
    const name = role.toUpperCase().replaceAll('-', '_')
    return [
      [`${name}_ID`, client_id],
      [`${name}_SECRET`, client_secret],
    ]
  })
  return { ...Object.fromEntries(credentials), STRONGROOM_URL: url, STRONGROOM_CA: caFile, NODE_EXTRA_CA_CERTS: caFile }
}

/** Whether it succeeded; what it printed is shown if not. */
function run({ command, args, cwd = ROOT, env = {} }: Step): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env } })
  const printed: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => printed.push(chunk))
  child.on('error', (error) => printed.push(Buffer.from(`${error.message}\n`)))
  child.on('close', (code) => {
    if (code !== 0) process.stdout.write(`${command} ${args.join(' ')}\n${Buffer.concat(printed).toString('utf8')}\n`)
    resolve(code === 0)
  })
  return promise
}

async function runAll(steps: readonly Step[]): Promise<boolean> {
  for (const step of steps) if (!(await run(step))) return false
  return true
}

const wanted = process.argv.slice(2)
const chosen = checks.filter(({ name }) => wanted.length === 0 || wanted.some((one) => name.includes(one)))
const missingOf = ({ needs }: Check) => Object.keys(needs).filter((name) => !needs[name])
rmSync(path.join(GENERATED, 'strongroom_client_check'), { recursive: true, force: true })
mkdirSync(GENERATED, { recursive: true })
readFileSync(DOCUMENT)
const vault = await startVault()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => void vault.remove().then(() => process.exit(1)))
const failed: string[] = []
try {
  for (const check of chosen.filter((one) => missingOf(one).length === 0)) {
    const startedAt = Date.now()
    const succeeded = await runAll(check.steps(vault))
    if (!succeeded) failed.push(check.name)
    process.stdout.write(
      `${succeeded ? 'passed' : 'FAILED'}  ${check.name}  ${Math.round((Date.now() - startedAt) / 1000)} s\n`,
    )
  }
} finally {
  await vault.remove()
}
for (const check of chosen) {
  const missing = missingOf(check)
  if (missing.length > 0) process.stdout.write(`left out  ${check.name}: without ${missing.join(', ')}\n`)
}
process.exitCode = failed.length === 0 ? 0 : 1
