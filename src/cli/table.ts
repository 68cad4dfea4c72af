/**
 * A table for a person: a line of headers, and a line for each row, in columns. An absent value is a dash. Names come
 * from elsewhere, and this goes to a terminal, so control characters are shown as question marks.
 */
export function table(headers: readonly string[], rows: readonly (readonly (string | null | undefined)[])[]): string {
  const lines = [headers, ...rows.map((row) => row.map((cell) => (cell || '-').replaceAll(/\p{C}/gu, '?')))]
  const widths = headers.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, at) => cell.padEnd(widths[at]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
