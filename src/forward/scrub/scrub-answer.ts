import { giveWay } from '../../values/time-slice.ts'
import { createForbidden, type Forbidden, type Known } from './forbidden.ts'
import { covers, keepMembers, type Pattern, parsePattern, type Tree, Written } from './keep-members.ts'
import { readAnswer } from './read-answer.ts'

/** Which of an answer come back. */
export interface AnswerRules {
  /** Pointers (RFC 6901), in which `*` stands for every member or element. */
  members: readonly string[]
  /** Those that are ids of the destination, whose digits may look like a card number. */
  ids: readonly string[]
  /** Names of headers. */
  headers: readonly string[]
}

/** What came back, as it was received. */
interface ReceivedAnswer {
  status: number
  /** By lower-case name. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>
  body: Buffer
}

/** What may be returned, stored and logged of an answer. */
export interface ScrubbedAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  /** JSON; null where the answer had nothing that the destination names. */
  body: unknown
}

/** What stands where something was taken out. */
export const REMOVED = '[removed]'

/** Longer texts are taken out unread. Reading takes time, which other requests wait for. */
const MAX_TEXT = 16 * 1024
/** So is what comes after this much text in all. */
const MAX_TEXT_IN_ALL = 128 * 1024

/** A place in a tree, with the text that it holds: a name of a member, a text or a number. */
interface Leaf {
  text: string
  isId: boolean
}

/** Keeps what the rules name of an answer, without the number, the code and the secrets that were sent with the request. */
export async function scrubAnswer(answer: ReceivedAnswer, rules: AnswerRules, known: Known): Promise<ScrubbedAnswer> {
  const forbidden = createForbidden(known)
  const ids = rules.ids.map(parsePattern)
  const contentType = textOf(answer.headers['content-type'])
  const tree = readAnswer(contentType, answer.body)
  const kept = tree === undefined ? undefined : keepMembers(tree, rules.members.map(parsePattern))
  const headers = rules.headers.flatMap((name) => {
    const value = textOf(answer.headers[name.toLowerCase()])
    return value === undefined ? [] : [[name, value] as const]
  })
  const ofHeaders = headers.map(([, text]) => ({ text, isId: false }))
  const ofBody = kept === undefined ? [] : leavesOf(kept, [], ids)
  const removed = await findForbidden([...ofHeaders, ...ofBody], forbidden)
  const isRemoved = (at: number) => removed.has(at)
  return {
    status: answer.status,
    headers: Object.fromEntries(headers.map(([name, text], at) => [name, isRemoved(at) ? REMOVED : text])),
    body: kept === undefined ? null : rebuild(kept, { at: headers.length }, isRemoved),
  }
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' || value === undefined ? value : value.join(', ')
}

/** The places of the leaves that must not leave. */
async function findForbidden(leaves: readonly Leaf[], forbidden: Forbidden): Promise<ReadonlySet<number>> {
  const removed = new Set<number>()
  let length = 0
  for (const [at, { text, isId }] of leaves.entries()) {
    await giveWay()
    length += text.length
    if (text.length > MAX_TEXT || length > MAX_TEXT_IN_ALL || forbidden.holds(text, isId)) removed.add(at)
  }
  for (const at of forbidden.together(leaves.map(({ text }) => text))) removed.add(at)
  return removed
}

/** Every text of a tree, in its order. */
function leavesOf(tree: Tree, place: readonly string[], ids: readonly Pattern[]): Leaf[] {
  const isId = ids.some((pattern) => covers(pattern, place))
  if (typeof tree === 'string') return [{ text: tree, isId }]
  if (tree instanceof Written) return [{ text: tree.text, isId }]
  if (tree === null || typeof tree !== 'object') return []
  if (Array.isArray(tree)) return tree.flatMap((child, at) => leavesOf(child, [...place, String(at)], ids))
  return Object.entries(tree).flatMap(([name, child]) => [
    { text: name, isId: false },
    ...leavesOf(child, [...place, name], ids),
  ])
}

/** The tree as JSON, without the leaves that are removed. It is walked in the order of `leavesOf`. */
function rebuild(tree: Tree, next: { at: number }, isRemoved: (at: number) => boolean): unknown {
  if (typeof tree === 'string') return isRemoved(next.at++) ? REMOVED : tree
  if (tree instanceof Written) return isRemoved(next.at++) ? REMOVED : numberOf(tree.text)
  if (tree === null || typeof tree !== 'object') return tree
  if (Array.isArray(tree)) return tree.map((child) => rebuild(child, next, isRemoved))
  return Object.fromEntries(
    Object.entries(tree).map(([name, child]) => {
      const shown = isRemoved(next.at++) ? REMOVED : name
      return [shown, rebuild(child, next, isRemoved)]
    }),
  )
}

/** A whole number that JavaScript cannot hold stays a text. */
function numberOf(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : text
}
