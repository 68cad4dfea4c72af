/** `npm run bench`: one table, everything in it measured side by side in one run. See README.md beside this file. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { auditAmounts, auditReads } from './audit-reads.ts'
import { Bench } from './bench.ts'
import { runProgram } from './child-process.ts'
import { commitAmounts, commits } from './commits.ts'
import { measureCurves } from './curves.ts'
import { customerReport, customerReportAmounts } from './customer-report.ts'
import { measureElsewhere } from './elsewhere.ts'
import { million, millionLines, soak, soakLines } from './extras.ts'
import { fairness, fairnessLines } from './fairness.ts'
import { type Figure, figures, rotationFigures } from './figures.ts'
import { describeMachine } from './machine.ts'
import { type Measurement, medianOf } from './measurement.ts'
import { parseOptions, usage } from './options.ts'
import { throughputPlot } from './plot.ts'
import type { RotationPlan, RotationRounds } from './rotation.ts'
import { rotationAmounts, rotationCost } from './rotation-cost.ts'
import { storage, storageAmounts } from './storage.ts'
import { amountTable, failureLines, figureTable, ratioTable } from './table.ts'

const progress = (text: string) => process.stderr.write(`${text}\n`)
const print = (text: string) => process.stdout.write(`${text}\n`)
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url))

const MARKS = ['<!-- last table: written by npm run bench -- --write -->', '<!-- end of last table -->'] as const

const options = readOptions()
const bench = await Bench.open(options)
const stop = (reason: string) => {
  progress(reason)
  void bench.close().finally(() => process.exit(1))
}
setTimeout(stop, options.deadlineSeconds * 1000, 'the benchmark takes too long; everything is stopped').unref()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop(`${signal}: stopping everything`))

try {
  if (options.elsewhere) print(`\n${await measureElsewhere(options.elsewhere, options, progress)}`)
  else await main()
} catch (error) {
  progress(`the benchmark failed: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await bench.close()
}

async function main(): Promise<void> {
  const chosen = await prepare(figures.filter(({ name }) => wanted(name)))
  const rounds = new Map<string, Measurement[]>()
  const note = (name: string, measured: Measurement) => rounds.set(name, [...(rounds.get(name) ?? []), measured])
  for (let round = 1; round <= options.rounds; round++) {
    for (const figure of chosen) {
      const measured = await figure.measure(bench)
      progress(`round ${round}/${options.rounds}  ${figure.name}: ${Math.round(measured.perSecond)} ${figure.unit}/s`)
      note(figure.name, measured)
    }
  }
  if (Object.keys(rotationFigures).some(wanted)) {
    for (const [name, measured] of Object.entries(await rotate())) for (const one of measured) note(name, one)
  }
  const results = new Map([...rounds].map(([name, measured]) => [name, medianOf(measured)]))
  if (options.fairness) for (const [name, measured] of await fairness(bench, progress)) results.set(name, measured)
  if (options.million) for (const [name, measured] of await million(bench, progress)) results.set(name, measured)
  if (options.soak) for (const [name, measured] of await soak(bench, progress)) results.set(name, measured)

  const amounts = new Map([
    ...(wanted('storage') ? await storage(bench, progress) : []),
    ...(wanted('commits') ? await commits(bench, progress) : []),
    ...(wanted('rotation') ? await rotationCost(bench, progress) : []),
    ...(wanted('customer-report') ? await customerReport(bench, progress) : []),
    ...(options.auditEvents > 0 ? await auditReads(bench, progress) : []),
  ])

  const lines = [...figures, ...Object.values(rotationFigures), ...fairnessLines, ...millionLines, ...soakLines]
  const driver = rounds.has('postgres') ? (await bench.postgresAlone()).driver : undefined
  const judged = [...storageAmounts, ...commitAmounts, ...rotationAmounts(options.rotation), ...customerReportAmounts]
  const machine = describeMachine({ postgres: (await bench.cluster()).version, driver })
  const about = `Medians of ${options.rounds} interleaved rounds of ${options.seconds} s, on ${machine}. CPU in cores (seconds for each second).`
  const report = [
    about,
    figureTable(lines, results),
    ratioTable(results),
    amountTable([...judged, ...auditAmounts], amounts),
    ...failureLines(results),
  ].join('\n\n')
  print(`\n${report}`)
  if (options.write) {
    writeReport(report)
    writeFileSync(here('throughput.svg'), throughputPlot(await measureCurves(bench, progress)))
  }
}

/** Starts what the figures need, before the clock runs. What this machine cannot do is left out, and said. */
async function prepare(all: readonly Figure[]): Promise<Figure[]> {
  const possible: Figure[] = []
  for (const figure of all) {
    try {
      await figure.prepare(bench)
      possible.push(figure)
    } catch (error) {
      if (!/C compiler/.test((error as Error).message)) throw error
      progress(`${figure.name} is left out: ${(error as Error).message}`)
    }
  }
  return possible
}

async function rotate(): Promise<RotationRounds> {
  const cluster = await bench.cluster()
  const database = await cluster.createDatabase('rotation')
  const plan: RotationPlan = {
    databaseUrl: database.server,
    ownerUrl: database.owner,
    rootKeyFile: bench.place.rootKeyFile,
    records: options.quick ? 5000 : 30_000,
    rounds: options.rounds,
    postmasterPid: cluster.postmasterPid,
  }
  progress(`rotation of ${plan.records} records`)
  return runProgram<RotationRounds>(here('rotation.ts'), plan, 180)
}

function wanted(name: string): boolean {
  return options.only.length === 0 || options.only.includes(name)
}

function writeReport(report: string): void {
  const file = here('README.md')
  const text = readFileSync(file, 'utf8')
  const [from, to] = [text.indexOf(MARKS[0]), text.indexOf(MARKS[1])]
  if (from < 0 || to < 0) throw new Error('README.md has lost the marks around the table')
  writeFileSync(file, `${text.slice(0, from + MARKS[0].length)}\n\n${report}\n\n${text.slice(to)}`)
}

function readOptions() {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}
