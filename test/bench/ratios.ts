import type { Measurement } from './measurement.ts'

/** The medians of a run, by the names of the figures; those of `extras` only when they were asked for. */
export type Results = ReadonlyMap<string, Measurement>

export interface Ratio {
  title: string
  /** `undefined` shows the ratio without judging it. */
  target: { atLeast: number } | { atMost: number } | undefined
  value(results: Results): number | undefined
}

const rate = (name: string) => (results: Results) => results.get(name)?.perSecond
const p50 = (name: string) => (results: Results) => results.get(name)?.p50
const p99 = (name: string) => (results: Results) => results.get(name)?.p99

type Read = (results: Results) => number | undefined

const over =
  (above: Read, below: Read, times = 1): Read =>
  (results) => {
    const [a, b] = [above(results), below(results)]
    return a === undefined || b === undefined ? undefined : a / (times * b)
  }

const difference = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a - b

/** The targets, each as a ratio of two medians of the same run. */
export const ratios: readonly Ratio[] = [
  {
    title: 'tokenize / the store stubbed out',
    target: { atLeast: 0.9 },
    value: over(rate('tokenize'), rate('stubbed')),
  },
  { title: 'tokenize / naive form', target: { atLeast: 5 }, value: over(rate('tokenize'), rate('naive')) },
  { title: 'tokenize / PostgreSQL alone', target: { atLeast: 0.8 }, value: over(rate('tokenize'), rate('postgres')) },
  {
    title: 'store stubbed out / Express over TLS',
    target: { atLeast: 0.5 },
    value: over(rate('stubbed'), rate('express')),
  },
  {
    title: 'full checkout / tokenize a card',
    target: { atLeast: 0.5 },
    value: over(rate('checkout'), rate('tokenize')),
  },
  { title: 'reveal / tokenize', target: { atLeast: 1 }, value: over(rate('reveal'), rate('tokenize')) },
  {
    title: 'reveal with a bound token / a bearer token',
    target: { atLeast: 0.65 },
    value: over(rate('bound-reveal'), rate('reveal')),
  },
  {
    title: 'the same over one connection',
    target: undefined,
    value: over(rate('bound-single'), rate('reveal-single')),
  },
  {
    title: 'forward, p50 over a direct call / lone bound reveal',
    target: { atMost: 2 },
    value: over((results) => difference(p50('forward')(results), p50('pay-direct')(results)), p50('bound-single')),
  },
  {
    title: 'first 500 calls after a start / later ones: tokenize',
    target: { atLeast: 0.6 },
    value: over(rate('first-tokenize'), rate('tokenize')),
  },
  {
    title: 'first 500 calls after a start / later ones: reveal',
    target: { atLeast: 0.6 },
    value: over(rate('first-reveal'), rate('reveal')),
  },
  { title: 'masked read / reveal', target: { atLeast: 1 }, value: over(rate('read'), rate('reveal')) },
  {
    title: 'tokenize / while no process keeps the log',
    target: undefined,
    value: over(rate('tokenize'), rate('unlogged')),
  },
  {
    title: 'batches of 100, cards / tokenize',
    target: { atLeast: 3 },
    value: over(rate('batch-100'), rate('tokenize')),
  },
  {
    title: 'one connection, p50 / naive form',
    target: { atMost: 0.6 },
    value: over(p50('single'), p50('naive-single')),
  },
  {
    title: 'one batch of 1,000, p50 / 20 single calls',
    target: { atMost: 1 },
    value: over(p50('batch-1000-single'), p50('single'), 20),
  },
  {
    title: 'disk 2 ms slower: tokenize / naive form',
    target: { atLeast: 5 },
    value: over(rate('slow'), rate('naive-slow')),
  },
  { title: 'tokenize, p99 / p50', target: { atMost: 4 }, value: over(p99('tokenize'), p50('tokenize')) },
  {
    title: '1,000,000 records / 10,000: tokenize',
    target: { atLeast: 0.9 },
    value: over(rate('tokenize-large'), rate('tokenize-small')),
  },
  {
    title: '1,000,000 records / 10,000: reveal',
    target: { atLeast: 0.9 },
    value: over(rate('reveal-large'), rate('reveal-small')),
  },
  {
    title: 'rotation / opening and sealing, no database',
    target: { atLeast: 0.7 },
    value: over(rate('rotate'), rate('crypto')),
  },
  { title: 'rotation / PostgreSQL updating', target: undefined, value: over(rate('rotate'), rate('update')) },
  {
    title: 'batches of 1,000, cards / sealing alone',
    target: { atLeast: 0.5 },
    value: over(rate('batch-1000'), rate('sealing')),
  },
  {
    title: 'masked read p99, beside pipelined searches / alone',
    target: { atMost: 5 },
    value: over(p99('read-beside-searches'), p99('read-quiet')),
  },
  {
    title: 'masked read p99, beside worst-case batches / alone',
    target: { atMost: 5 },
    value: over(p99('read-beside-batches'), p99('read-quiet')),
  },
  {
    title: 'resident memory after 5 minutes / after 1',
    target: { atMost: 1.1 },
    value: over(rate('memory-5'), rate('memory-1')),
  },
]

export function isMet(target: NonNullable<Ratio['target']>, value: number): boolean {
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost
}
