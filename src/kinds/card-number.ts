import { type CardBrand, hasValidCheckDigit, schemesOf } from './card-brand.ts'
import { type DigitGroup, digitGroups, digitGroupsOfLines } from './digit-groups.ts'

/** Only these lengths are evidence when unbroken: of the others there are too many telephones, identities and times. */
const UNBROKEN_LENGTHS = new Set([15, 16])

const ASCII = /^[\u0000-\u007F]*$/

/** Sizes of groups as they are printed on cards, the numbers of 13 to 19 digits that ISO/IEC 7812-1 allows. */
type Grouping = readonly number[]

const GROUPINGS: readonly Grouping[] = [
  [4, 6, 4],
  [4, 6, 5],
  [4, 4, 5],
  [4, 4, 4, 1],
  [4, 4, 4, 2],
  [4, 4, 4, 3],
  [4, 4, 4, 4],
  [4, 4, 4, 5],
  [4, 4, 4, 6],
  [4, 4, 4, 7],
  [4, 4, 4, 4, 1],
  [4, 4, 4, 4, 2],
  [4, 4, 4, 4, 3],
  [6, 13],
]

/** Groupings of single schemes that the library does not name. */
const GROUPINGS_OF_SCHEMES: Readonly<Record<string, readonly Grouping[]>> = {
  maestro: [
    [4, 4, 5],
    [4, 6, 5],
  ],
  unionpay: [[6, 13]],
}

/** How 16 digits are split by a line that is too short for them. */
const SPLITS: readonly Grouping[] = [
  [4, 12],
  [8, 8],
  [12, 4],
]

/**
 * Whether a text holds a card number: 15 or 16 digits with the prefix of a scheme that names it at that length and a
 * right check digit, unbroken or grouped as cards are printed; 13, 14 and 17 to 19 digits only when grouped so. Groups
 * are whole runs of digits, joined by the same separator. Digits of any script count. Letters at the edges do not hide
 * a number. A valid IBAN is not a card number. Takes time in proportion to the text.
 *
 * @param besideLetters whether digits that touch a letter count: they do in prose, and not in identifiers with a prefix
 */
export function holdsCardNumber(text: string, { besideLetters = true } = {}): boolean {
  if (!hasEnoughDigits(text)) return false
  const groups = besideLetters ? digitGroups(text) : withoutGlued(digitGroups(text))
  return groups.some(
    ({ digits }, at) =>
      (UNBROKEN_LENGTHS.has(digits.length) && isCardNumber(digits)) ||
      GROUPINGS.some((grouping) => beginsNumber(groups, at, grouping)),
  )
}

/**
 * Whether a card number is split over neighbouring lines, as those of an address: where digits end one line and begin the
 * next. What a line holds by itself is not looked for.
 */
export function isCardNumberOverLines(lines: readonly string[]): boolean {
  if (!lines.some((line, at) => at > 0 && mayEndInDigit(lines[at - 1]!) && mayStartWithDigit(line))) return false
  const groups = digitGroupsOfLines(lines)
  if (!groups.some(({ joint }) => joint === 'line')) return false
  return groups.some((_, at) => {
    const crossesLines = (grouping: Grouping) =>
      groups.slice(at + 1, at + grouping.length).some(({ joint }) => joint === 'line')
    return (
      GROUPINGS.some((grouping) => crossesLines(grouping) && beginsNumber(groups, at, grouping)) ||
      SPLITS.some(
        (split) =>
          groups[at + 1]?.joint === 'line' && fits(groups, at, split) && isCardNumber(joined(groups, at, split)),
      )
    )
  })
}

/** A digit, the second half of one outside the Basic Multilingual Plane, or something invisible on it. */
function mayEndInDigit(line: string): boolean {
  return /[\p{N}\p{M}\p{Default_Ignorable_Code_Point}\uDC00-\uDFFF]/u.test(line.trimEnd().slice(-1))
}

function mayStartWithDigit(line: string): boolean {
  return /^[\p{N}\p{Default_Ignorable_Code_Point}]/u.test(line.trimStart().slice(0, 2))
}

/** Most texts have too few digits for a card number; in other scripts one character can represent two digits. */
function hasEnoughDigits(text: string): boolean {
  return ASCII.test(text) ? /^(?:\D*\d){13}/.test(text) : /^(?:\P{N}*\p{N}){7}/u.test(text)
}

/** A group that a letter touches also separates its neighbours. */
function withoutGlued(groups: readonly DigitGroup[]): DigitGroup[] {
  return groups.flatMap((group, at) => {
    if (group.touchesLetter) return []
    return [groups[at - 1]?.touchesLetter === true ? { ...group, joint: 'none' } : group]
  })
}

/** Whether the groups from there on are a card number that is printed in that grouping. */
function beginsNumber(groups: readonly DigitGroup[], at: number, grouping: Grouping): boolean {
  if (!fits(groups, at, grouping) || goesOnFromBefore(groups, at, grouping)) return false
  const digits = joined(groups, at, grouping)
  return hasValidCheckDigit(digits) && schemesOf(digits).some((scheme) => isPrintedIn(grouping, scheme))
}

/** Whether the groups have these sizes and the same separator. The end of a line counts as any separator. */
function fits(groups: readonly DigitGroup[], at: number, grouping: Grouping): boolean {
  let separator: DigitGroup['joint'] | undefined
  return grouping.every((size, offset) => {
    const group = groups[at + offset]
    if (group?.digits.length !== size) return false
    if (offset === 0 || group.joint === 'line') return true
    separator ??= group.joint
    return group.joint === separator && separator !== 'none'
  })
}

/**
 * Of a chain of groups of four only its beginning counts: two telephone numbers and a year are such a chain, and some four
 * of its groups are a card number too often.
 */
function goesOnFromBefore(groups: readonly DigitGroup[], at: number, [first, second]: Grouping): boolean {
  const joint = groups[at]!.joint
  return (
    first === 4 &&
    second === 4 &&
    groups[at - 1]?.digits.length === 4 &&
    joint !== 'none' &&
    (joint === 'line' || joint === groups[at + 1]!.joint || groups[at + 1]!.joint === 'line')
  )
}

function joined(groups: readonly DigitGroup[], at: number, grouping: Grouping): string {
  return groups
    .slice(at, at + grouping.length)
    .map(({ digits }) => digits)
    .join('')
}

function isCardNumber(digits: string): boolean {
  return hasValidCheckDigit(digits) && schemesOf(digits).length > 0
}

function isPrintedIn(grouping: Grouping, { name, gaps }: CardBrand): boolean {
  const length = grouping.reduce((sum, size) => sum + size, 0)
  const isOf = (other: Grouping) => other.join() === grouping.join()
  // From 16 digits on every scheme prints groups of four somewhere.
  const isInFours = length >= 16 && grouping.slice(0, 3).join() === '4,4,4'
  return isInFours || isOf(sizesBetween(gaps, length)) || (GROUPINGS_OF_SCHEMES[name] ?? []).some(isOf)
}

/** The sizes of the groups of that many digits with a space after each of the gaps. */
function sizesBetween(gaps: readonly number[], length: number): Grouping {
  const ends = [...gaps.filter((gap) => gap < length), length]
  return ends.map((end, at) => end - (ends[at - 1] ?? 0))
}
