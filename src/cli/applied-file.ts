import { readFile } from 'node:fs/promises'
import { CallerError } from '../access/ledger/caller-error.ts'
import { parseJson } from '../http/json.ts'
import { type InputError, Problem } from '../values/problem.ts'
import { titleOf } from '../values/problem-codes.ts'
import { withoutMark } from './arguments.ts'

/** Templates are deeper than what callers send. */
const LIMITS = { depth: 20, members: 500 }

/** What a file of the operator holds, or its faults. */
export interface AppliedFile<T> {
  value?: T
  faults: readonly InputError[]
}

/**
 * Reads a file that an operator applies, such as one of roles.
 *
 * @param what the file in a sentence: `a role file`
 * @throws {CallerError} if there is no such file
 */
export async function readAppliedFile<T>(
  file: string,
  what: string,
  parse: (input: unknown) => T,
): Promise<AppliedFile<T>> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CallerError(`${file} cannot be read`)
  })
  try {
    return { value: parse(parseJson(withoutMark(text), LIMITS)), faults: [] }
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const whole = { pointer: '#', detail: `is not ${what}: ${titleOf(error.code)}` }
    return { faults: error.errors.length > 0 ? error.errors : [whole] }
  }
}

/** A line for each fault. */
export function describeFaults(file: string, faults: readonly InputError[]): string {
  return faults.map(({ pointer, detail }) => `${file}${pointer}: ${detail}`).join('\n')
}
