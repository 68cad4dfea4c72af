import type { AddressForm } from '../address-form.ts'
import type { Countries } from '../checkout-page.ts'
import { element } from './element.ts'
import { createField, type Field } from './field.ts'
import type { Section } from './section.ts'
import type { Texts } from './texts/en.ts'

const AUTOCOMPLETE: Readonly<Record<string, string>> = {
  name: 'name',
  company: 'organization',
  line1: 'address-line1',
  line2: 'address-line2',
  district: 'address-level3',
  city: 'address-level2',
  region: 'address-level1',
  postal_code: 'postal-code',
}

const LABELS: Readonly<Record<string, keyof Texts>> = {
  name: 'name',
  company: 'company',
  line1: 'line1',
  line2: 'line2',
  district: 'district',
  city: 'city',
  region: 'region',
  postal_code: 'postalCode',
}

/** What a form has before it knows the country's own. */
const PLAIN: AddressForm = {
  country: '',
  fields: ['name', 'line1', 'line2', 'city', 'postal_code'],
  required: ['line1'],
  words: {},
}

/**
 * An address, as the chosen country writes it: its fields, in its order, with its words.
 *
 * @param countries the countries that the vault knows, and below which path their forms are
 * @param locale its region is chosen first
 */
export function addressSection(
  options: { part: 'billing_address' | 'shipping_address'; countries: Countries; locale: string },
  texts: Texts,
): Section {
  const { part, countries, locale } = options
  const use = part === 'billing_address' ? 'billing' : 'shipping'
  const select = element('select')
  const country = createField(
    { name: `${part}.country`, label: 'country', autocomplete: `${use} country`, isRequired: true, control: select },
    texts,
  )
  const listeners: (() => void)[] = []
  let current = texts
  let form = PLAIN
  let fields: Field[] = []
  /** What was typed survives a change of the country, also in fields that the country does not have. */
  const typed = new Map<string, string>()

  function keep(): void {
    for (const { name, input } of fields) typed.set(memberOf(name), input.value)
  }

  function build(): void {
    keep()
    fields = form.fields.map((member) => {
      const isRegion = member === 'region' && form.regions !== undefined
      const field = createField(
        {
          name: `${part}.${member}`,
          label: labelOf(member, form),
          autocomplete: `${use} ${AUTOCOMPLETE[member]}`,
          isRequired: form.required.includes(member),
          ...(member === 'postal_code' && form.examples?.[0] && { hint: form.examples[0] }),
          ...(isRegion && { control: regionsOf(form) }),
        },
        current,
      )
      field.put(typed.get(member) ?? '')
      return field
    })
    for (const listener of listeners) listener()
  }

  async function follow(): Promise<void> {
    const code = select.value
    const answer = await fetch(`${countries.path}/${code}.json`, { credentials: 'omit' }).catch(() => undefined)
    const found = answer?.ok ? ((await answer.json()) as AddressForm) : { ...PLAIN, country: code }
    if (select.value !== code) return
    form = found
    build()
  }

  function listCountries(texts: Texts): void {
    const names = new Intl.DisplayNames([texts.language, 'en'], { type: 'region' })
    const chosen = select.value
    const options = countries.codes
      .map((code) => [code, names.of(code) ?? code] as const)
      .sort(([, a], [, b]) => a.localeCompare(b, texts.language))
    select.replaceChildren(...options.map(([code, name]) => element('option', { value: code }, name)))
    const region = regionOf(locale)
    select.value = chosen || (countries.codes.includes(region) ? region : countries.codes[0]!)
  }

  listCountries(texts)
  select.addEventListener('change', () => void follow())
  build()
  void follow()
  return {
    part,
    title: part === 'billing_address' ? 'billingAddress' : 'shippingAddress',
    get fields() {
      return [country, ...fields]
    },
    value() {
      const members = fields.map(({ name, input }) => [memberOf(name), input.value.trim()] as const)
      return { ...Object.fromEntries(members.filter(([, value]) => value !== '')), country: select.value }
    },
    fieldAt: (member) => (member === 'country' ? country : fields.find(({ name }) => memberOf(name) === member)),
    translate(texts) {
      current = texts
      listCountries(texts)
    },
    onChange: (listener) => void listeners.push(listener),
  }
}

const memberOf = (name: string) => name.slice(name.indexOf('.') + 1)

/** The country's own word for it, where there is a text for that. */
function labelOf(member: string, { words }: AddressForm): keyof Texts {
  const word = words[member as keyof AddressForm['words']]
  return WORDS[word ?? ''] ?? LABELS[member]!
}

const WORDS: Readonly<Record<string, keyof Texts>> = {
  state: 'state',
  province: 'province',
  prefecture: 'prefecture',
  county: 'county',
  emirate: 'emirate',
  parish: 'parish',
  island: 'island',
  department: 'department',
  oblast: 'oblast',
  do_si: 'province',
  area: 'area',
  district: 'district',
  suburb: 'suburb',
  post_town: 'postTown',
  neighborhood: 'neighbourhood',
  townland: 'townland',
  village_township: 'village',
  zip: 'zip',
  pin: 'pin',
  eircode: 'eircode',
}

function regionsOf({ regions = [] }: AddressForm): HTMLSelectElement {
  const options = regions.map(({ value, name }) => element('option', { value }, name))
  return element('select', {}, element('option', { value: '' }, ''), ...options)
}

/** The region of a language tag, or the one that most speakers of the language live in. */
function regionOf(locale: string): string {
  try {
    return new Intl.Locale(locale).maximize().region ?? 'US'
  } catch {
    return 'US'
  }
}
