/**
 * The first character of a cell that a spreadsheet would take for a formula, also in its wide form (OWASP, CSV
 * injection).
 */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

/** Rows as RFC 4180 has them, with the names of the columns first. What looks like a formula is made a text. */
export function toCsv<Row extends object>(rows: readonly Row[], columns: readonly (keyof Row & string)[]): string {
  const lines = rows.map((row) => csvLine(columns.map((column) => row[column])))
  return [columns.join(','), ...lines].join('\r\n')
}

/** One line without its end. What is absent is an empty cell. */
export function csvLine(values: readonly unknown[]): string {
  return values.map((value) => cell(String(value ?? ''))).join(',')
}

function cell(value: string): string {
  const text = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
