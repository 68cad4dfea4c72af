/** Different numbers with right check digits (ISO/IEC 7812-1, annex B) that begin with the digits of a test card. */
export function cardNumbers(count: number, start = '424242'): string[] {
  return Array.from({ length: count }, (_, at) => {
    const digits = start + String(at).padStart(15 - start.length, '0')
    return digits + checkDigit(digits)
  })
}

function checkDigit(digits: string): number {
  const sum = [...digits].reverse().reduce((total, digit, at) => {
    const doubled = Number(digit) * (at % 2 === 0 ? 2 : 1)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return (10 - (sum % 10)) % 10
}
