import type { Details } from '../../kinds/kind.ts'
import { fieldsOf, roleOf, type TokenRole } from '../destination.ts'
import type { CardLeaf, Leaf } from '../template.ts'

export type Records = Partial<Record<TokenRole, Details>>

/** What a leaf takes of the records of a request; undefined when they have no such value. */
export function recordValue(leaf: Leaf, records: Records, code: string | undefined): string | number | undefined {
  const role = roleOf(leaf)
  if (role === undefined) return undefined
  if ('$card' in leaf) return cardValue(leaf, records.card, code)
  const value = records[role]?.[fieldsOf(leaf)[0]!]
  return value === undefined ? undefined : String(value)
}

function cardValue(leaf: CardLeaf, card: Details | undefined, code: string | undefined): string | number | undefined {
  const text = leaf.$card === 'security_code' ? code : card && textOf(leaf, card)
  if (text === undefined) return undefined
  return leaf.type === 'integer' ? Number(text) : text
}

function textOf({ $card, as }: CardLeaf, card: Details): string | undefined {
  const { exp_month, exp_year } = card
  switch ($card) {
    case 'exp_month':
      return exp_month === undefined ? undefined : monthText(Number(exp_month), as)
    case 'exp_year':
      return exp_year === undefined ? undefined : yearText(Number(exp_year), as)
    case 'expiry':
      if (exp_month === undefined || exp_year === undefined) return undefined
      return expiryText(monthText(Number(exp_month), 'mm'), Number(exp_year), as)
    default: {
      const value = card[$card]
      return value === undefined ? undefined : String(value)
    }
  }
}

function monthText(month: number, as: CardLeaf['as']): string {
  return as === 'm' ? String(month) : String(month).padStart(2, '0')
}

function yearText(year: number, as: CardLeaf['as']): string {
  const text = String(year).padStart(4, '0')
  return as === 'yy' ? text.slice(-2) : text
}

function expiryText(month: string, year: number, as: CardLeaf['as'] = 'mmyy'): string {
  const [yy, yyyy] = [yearText(year, 'yy'), yearText(year, 'yyyy')]
  switch (as) {
    case 'mmyyyy':
      return `${month}${yyyy}`
    case 'mm/yy':
      return `${month}/${yy}`
    case 'yymm':
      return `${yy}${month}`
    case 'yyyy-mm':
      return `${yyyy}-${month}`
    default:
      return `${month}${yy}`
  }
}
