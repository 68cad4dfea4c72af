import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { runProgram } from './child-process.ts'
import type { Line, Progress } from './extras.ts'
import { type CallTarget, call, requestToken } from './http-call.ts'
import type { LoadPlan, LoadResult } from './load.ts'
import { type Measurement, measurementOf, medianOf } from './measurement.ts'
import type { BenchOptions } from './options.ts'
import { createProofKey, createProver } from './proofs.ts'
import { type RequestKind, requestParts } from './requests.ts'
import { failureLines, figureTable, ratioTable } from './table.ts'

/** A server that runs already, and who calls it. */
export interface Elsewhere {
  url: string
  caFile: string
  /** In the form of `sample-callers.json`: a client for each thing that is done, or one for all. */
  callersFile: string
}

const callersSchema = z.array(z.object({ client_id: z.string(), client_secret: z.string(), scope: z.string() })).min(1)

interface RemoteFigure extends Line {
  kind: RequestKind
  connections: number
  scope: string
  bound?: boolean
}

/** The figures of the benchmark that need nothing but the contract, by the same names. */
const figures: readonly RemoteFigure[] = [
  figure('tokenize', 'tokenize a card', 'tokenize', 64),
  figure('reveal', 'reveal a card', 'reveal', 64),
  { ...figure('bound-reveal', 'the same, with a token bound to a key', 'reveal', 64), bound: true },
  figure('read', 'masked read', 'read', 64),
  figure('single', 'tokenize a card, one connection', 'tokenize', 1),
  figure('reveal-single', 'reveal a card, one connection', 'reveal', 1),
  { ...figure('bound-single', 'the same, with a token bound to a key', 'reveal', 1), bound: true },
]

function figure(name: string, title: string, kind: 'tokenize' | 'reveal' | 'read', connections: number): RemoteFigure {
  const scope = { tokenize: 'tokenize', reveal: 'card:reveal', read: 'token:read' }[kind]
  return { name, title, kind, connections, scope, unit: 'requests' }
}

const CARDS = 2000

/**
 * Loads a server that runs elsewhere, and answers with the tables. Its records and events stay. A server may refuse to
 * reveal to a bearer token.
 */
export async function measureElsewhere(server: Elsewhere, options: BenchOptions, progress: Progress): Promise<string> {
  const target = { url: new URL(server.url).origin, ca: readFileSync(server.caFile, 'utf8') }
  const callers = callersSchema.parse(JSON.parse(readFileSync(server.callersFile, 'utf8')))
  const key = createProofKey()
  const prove = createProver(key)
  /** A token lives for minutes: each measurement has one of its own. */
  const accessToken = ({ scope, bound }: Pick<RemoteFigure, 'scope' | 'bound'>) => {
    const caller = callers.find((one) => one.scope.split(' ').includes(scope))
    if (caller === undefined) throw new Error(`no caller in ${server.callersFile} has the scope ${scope}`)
    return requestToken(target, caller, bound ? prove('POST', `${target.url}/oauth/token`) : undefined)
  }
  const tokens = await storeCards(target, await accessToken({ scope: 'tokenize' }))

  const measure = async (one: RemoteFigure): Promise<Measurement> => {
    const plan: LoadPlan = {
      kind: one.kind,
      url: target.url,
      caFile: server.caFile,
      connections: one.connections,
      seconds: options.seconds,
      warmupSeconds: options.warmupSeconds,
      accessToken: await accessToken(one),
      proofKey: one.bound ? key : undefined,
      tokens,
    }
    const load = fileURLToPath(new URL('load.ts', import.meta.url))
    return measurementOf(one.kind, await runProgram<LoadResult>(load, plan, plan.seconds + 60))
  }
  let chosen = figures.filter(({ name }) => options.only.length === 0 || options.only.includes(name))
  const rounds = new Map<string, Measurement[]>()
  for (let round = 1; round <= options.rounds; round++) {
    for (const one of chosen) {
      const measured = await measure(one)
      const { failures = {} } = measured
      if (failures[401] || failures[403]) {
        progress(`${one.name} is left out: the server refuses it`)
        chosen = chosen.filter((other) => other !== one)
        continue
      }
      progress(`round ${round}/${options.rounds}  ${one.name}: ${Math.round(measured.perSecond)} requests/s`)
      rounds.set(one.name, [...(rounds.get(one.name) ?? []), measured])
    }
  }
  const results = new Map([...rounds].map(([name, measured]) => [name, medianOf(measured)]))
  const about = `Medians of ${options.rounds} interleaved rounds of ${options.seconds} s.`
  return [about, figureTable(figures, results), ratioTable(results), ...failureLines(results)].join('\n\n')
}

/** Stores cards to read and reveal, and answers with their tokens. */
async function storeCards(target: CallTarget, accessToken: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' }
  const tokens: string[] = []
  while (tokens.length < CARDS) {
    const answer = await call(target, { ...requestParts('batch-100', { ...target, accessToken, tokens }, 0), headers })
    tokens.push(...storedSchema.parse(JSON.parse(answer)).results.map(({ card }) => card.token))
  }
  return tokens
}

const storedSchema = z.object({ results: z.array(z.object({ card: z.object({ token: z.string() }) })) })
