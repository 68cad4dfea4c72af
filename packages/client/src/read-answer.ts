import type { Problem } from './api.ts'
import { VaultProblem } from './errors.ts'
import type { Incoming } from './exchange.ts'

/** The form of an answer's body. */
export type AnswerForm = 'json' | 'text' | 'bytes' | 'nothing'

/** @throws {VaultProblem} when something before the vault answered in another form */
export function readBody(answer: Incoming, form: AnswerForm): unknown {
  const { status, headers, bytes } = answer
  if (form === 'bytes') return bytes
  if (form === 'nothing' || bytes.length === 0) return undefined
  const text = new TextDecoder().decode(bytes)
  if (form === 'text') return text
  try {
    return JSON.parse(text)
  } catch {
    throw new VaultProblem(status, headers, {})
  }
}

/** The error that an answer stands for, whether it comes from the vault or from something before it. */
export function problemOf({ status, headers, bytes }: Incoming): VaultProblem {
  const isJson = /json/.test(headers.get('content-type') ?? '')
  return new VaultProblem(status, headers, isJson ? documentIn(bytes) : {})
}

function documentIn(bytes: Uint8Array): Partial<Problem> {
  try {
    const read: unknown = JSON.parse(new TextDecoder().decode(bytes))
    const isDocument = typeof read === 'object' && read !== null && 'code' in read && typeof read.code === 'string'
    return isDocument ? (read as Problem) : {}
  } catch {
    return {}
  }
}
