/** What a spreadsheet would take for a formula when it stands first in a cell (OWASP, CSV injection). */
const FORMULA = /^[=+\-@\t\r]/

/** Rows as RFC 4180 has them, with the names of the columns first. What looks like a formula is made a text. */
export function toCsv<Row extends object>(rows: readonly Row[], columns: readonly (keyof Row & string)[]): string {
  const lines = rows.map((row) => columns.map((column) => cell(String(row[column] ?? ''))).join(','))
  return [columns.join(','), ...lines].join('\r\n')
}

function cell(value: string): string {
  const text = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
