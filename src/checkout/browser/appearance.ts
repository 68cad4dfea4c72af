/**
 * What a shop may change of how the fields look, with what each may be. Colours come in pairs whose contrast is checked: a pair
 * that is hard to read (WCAG 2.2, 1.4.3) is not taken.
 */
const VARIABLES: Readonly<Record<string, RegExp>> = {
  'color-text': /^#[0-9a-f]{6}$/i,
  'color-background': /^#[0-9a-f]{6}$/i,
  'color-border': /^#[0-9a-f]{6}$/i,
  'color-accent': /^#[0-9a-f]{6}$/i,
  'color-accent-text': /^#[0-9a-f]{6}$/i,
  'color-error': /^#[0-9a-f]{6}$/i,
  'border-radius': /^\d{1,2}px$/,
  'font-family': /^(system-ui|sans-serif|serif|monospace)$/,
  'font-size': /^(1[6-9]|2[0-4])px$/,
  spacing: /^\d{1,2}px$/,
  theme: /^(light|dark|auto)$/,
}

export type Palette = Readonly<Record<'text' | 'background' | 'border' | 'accent' | 'accent-text' | 'error', string>>

export const LIGHT: Palette = {
  text: '#1a1f2b',
  background: '#ffffff',
  border: '#6b7280',
  accent: '#1d4ed8',
  'accent-text': '#ffffff',
  error: '#b42318',
}

export const DARK: Palette = {
  text: '#f2f4f7',
  background: '#14181f',
  border: '#98a2b3',
  accent: '#84adff',
  'accent-text': '#101828',
  error: '#fda29b',
}

const MIN_CONTRAST = 4.5

/** The colours that must be read on one another. */
const PAIRS = [
  ['text', 'background'],
  ['error', 'background'],
  ['accent-text', 'accent'],
] as const

/** The variables of the list that are acceptable; all others are left out. */
export function acceptedVariables(given: Readonly<Record<string, unknown>>): Record<string, string> {
  const accepted: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'string' && Object.hasOwn(VARIABLES, name) && VARIABLES[name]!.test(value))
      accepted[name] = value
  }
  return accepted
}

/**
 * A palette with a shop's colours in it: all of them where they can be read, or else pair by pair. A shop that sets the background
 * need not think of errors, so these have the colour of the theme that can be read there.
 */
export function paletteWith(base: Palette, variables: Readonly<Record<string, string>>): Palette {
  let palette = base
  const colour = (name: string) => variables[`color-${name}`]
  const names = Object.keys(base) as (keyof Palette)[]
  const all = { ...base, ...Object.fromEntries(names.map((name) => [name, colour(name) ?? base[name]])) }
  for (const error of [all.error, LIGHT.error, DARK.error]) {
    if (isReadable({ ...all, error })) return { ...all, error }
  }
  for (const [front, back] of PAIRS) {
    const wanted = {
      ...palette,
      ...(colour(front) && { [front]: colour(front) }),
      ...(colour(back) && { [back]: colour(back) }),
    }
    if (isReadable(wanted)) palette = wanted
  }
  const border = colour('border')
  return border === undefined ? palette : { ...palette, border }
}

/** Whether each colour can be read on the one behind it. */
export function isReadable(palette: Palette): boolean {
  return PAIRS.every(([front, back]) => contrast(palette[front], palette[back]) >= MIN_CONTRAST)
}

/** The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio"). @param a, b as `#rrggbb` */
export function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
