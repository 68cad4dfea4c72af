import { ConfigError } from '../config/config.ts'
import { Problem } from '../values/problem.ts'
import { titleOf } from '../values/problem-codes.ts'
import { Interrupted } from './interruption.ts'
import { Unsafe } from './unsafe.ts'

/** What a failed start prints: sentences for a person where they are known, and never a stack with values in it. */
export function explain(error: unknown, what = 'The vault cannot start'): string {
  if (error instanceof Unsafe) {
    return `The vault does not start, because it would not be safe:\n${error.findings.map(({ detail }) => `  - ${detail}\n`).join('')}`
  }
  if (error instanceof Interrupted) return `${error.message}\n`
  if (error instanceof ConfigError) return `The configuration cannot be used: ${error.message}\n`
  if (error instanceof Problem) {
    const places = error.errors.map(({ pointer, detail }) => `  ${pointer}: ${detail}\n`).join('')
    return `${what}: ${titleOf(error.code)} (${error.code})\n${places}`
  }
  return `${what}: ${error instanceof Error ? error.message : 'unknown error'}\n`
}
