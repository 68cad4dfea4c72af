/** How the document of the API calls a form of a kind, whose name replaces the asterisk: `Masked*` of `gift_card` is `MaskedGiftCard`. */
export function schemaName(kind: string, form = '*'): string {
  const name = kind.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
  return form.replace('*', name)
}
