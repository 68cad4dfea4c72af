import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readConfig } from './config.ts'
import { canCreate, findPinFile, placeOfPin } from './pin-file.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-place-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const at = (...names: string[]) => path.join(directory, ...names)
const URL_OF_SHOP = 'postgres://server@db.example/shop'
const find = (env: NodeJS.ProcessEnv) => {
  const folders = { STRONGROOM_CERTS_DIR: at('certs'), STRONGROOM_DATA_DIR: at('data') }
  const config = readConfig({ ...folders, DATABASE_URL: URL_OF_SHOP, ...env })
  return findPinFile(placeOfPin(config), config.pin.file)
}

it('lies beside the certificate that is configured', () => {
  expect(find({})).toBe(at('certs/vault-shop.pin'))
  expect(find({ STRONGROOM_TLS_CERT_FILE: at('tls/fullchain.pem') })).toBe(at('tls/vault-shop.pin'))
})

it.each([
  'postgres://server@127.0.0.1/shop',
  'postgres://server@localhost:5433/shop',
  'postgresql://other:secret@standby.db.example:5432/shop?application_name=vault',
  'postgres://server@db.example/%73hop',
])('is the same for another spelling of the same database: %s', (url) => {
  expect(find({ DATABASE_URL: url })).toBe(at('certs/vault-shop.pin'))
  expect(find({ DATABASE_URL: url, DATABASE_SCHEMA: 'public' })).toBe(at('certs/vault-shop.pin'))
})

it('is another one for another database or schema, and has no strange names', () => {
  const files = [
    find({}),
    find({ DATABASE_SCHEMA: 'two' }),
    find({ DATABASE_URL: `${URL_OF_SHOP}2` }),
    find({ DATABASE_URL: 'postgres://server@db.example/..%2f..%2fshop' }),
    find({ DATABASE_URL: 'postgres://server@db.example' }),
  ]
  expect(new Set(files).size).toBe(files.length)
  for (const file of files) expect(file).toMatch(/\/certs\/vault-[\w.-]+\.pin$/)
})

it('lies in the data directory where the folder of the certificate takes none, and stays there', () => {
  const env = { STRONGROOM_TLS_CERT_FILE: '/dev/null/server.pem' }
  expect(find(env)).toBe(at('data/vault-shop.pin'))
  mkdirSync(at('data'))
  writeFileSync(at('data/vault-shop.pin'), '{}')
  expect(find({})).toBe(at('data/vault-shop.pin'))
  // The embedded database lies there itself.
  expect(find({ ...env, DATABASE_URL: undefined })).toMatch(/^\/dev\/null\/vault-[0-9a-f]{12}\.pin$/)
})

it('is nowhere else when it is named', () => {
  mkdirSync(at('certs'))
  writeFileSync(at('certs/vault-shop.pin'), '{}')
  expect(find({ STRONGROOM_PIN_FILE: at('own.pin') })).toBe(at('own.pin'))
})

it('can be made in folders that are to be made', () => {
  expect(canCreate(at('one/two/vault.pin'))).toBe(true)
  expect(canCreate('/dev/null/vault.pin')).toBe(false)
})
