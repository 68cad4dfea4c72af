import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientAuthority } from '../../../test/support/client-certificates.ts'
import { builtInSet, encodeRoleFile, toRoleFile } from '../../access/policy/role-set.ts'
import { readConfig } from '../../config/config.ts'
import type { ActiveKey, DatabaseFacts } from '../../database/inspect.ts'
import { knownMigrations } from '../../database/migration/migrate.ts'
import { createDevelopmentPassphrase } from '../../keys/root-key/passphrase-file.ts'
import { examineConfig, examineDatabase, examineMappedRoles, examineProcess } from './doctor.ts'
import { examinePassphrases } from './examine-passphrases.ts'

const START = new Date('2026-11-24T10:00:00Z')
const onDay = (days: number) => new Date(START.getTime() + days * 24 * 60 * 60 * 1000)
const key: ActiveKey = {
  id: 'key_1',
  purpose: 'secret',
  state: 'active',
  activated_at: START,
  expires_at: onDay(365),
  uses: 7,
  isCounted: true,
}

const factsWith = (activeKeys: ActiveKey[]): DatabaseFacts => ({
  role: 'server',
  migrations: [...knownMigrations],
  canRewriteAudit: false,
  notDurable: [],
  logsParameters: [],
  sampleCallers: 0,
  activeKeys,
})
const examine = (days: number, keys = [key]) => examineDatabase(readConfig({}), factsWith(keys), onDay(days))

describe('the doctor, about keys', () => {
  it('finds nothing while they are young', () => {
    expect(examine(291)).toEqual([])
  })

  it('warns of a key that should be rotated soon, and says how', () => {
    expect(examine(292)).toEqual([
      {
        code: 'key-expiring',
        severity: 'warning',
        detail: expect.stringMatching(/key_1.*2027-11-24.*7 of 2147483648.*"strongroom keys rotate data"/),
      },
    ])
  })

  it('warns of a key that has expired; it refuses no start, since reads go on', () => {
    expect(examine(366)).toMatchObject([{ code: 'key-expired', severity: 'warning' }])
    const [ofRoot] = examine(366, [{ ...key, purpose: 'root' }])
    expect(ofRoot?.detail).toMatch(/is past its time.*"strongroom keys rotate root"/)
  })

  it('names a key whose count is missing, and how to go on', () => {
    expect(examine(1, [{ ...key, isCounted: false, uses: 0 }])).toEqual([
      {
        code: 'key-uncounted',
        severity: 'warning',
        detail: expect.stringMatching(/key_1 in "key_uses" is missing.*"strongroom keys rotate data"/),
      },
    ])
  })
})

describe('the doctor, about the roles that claims of an identity provider are mapped to', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'strongroom-doctor-'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  const { support, ...rest } = toRoleFile(builtInSet).roles
  const renamed = encodeRoleFile({ format: 1, roles: { ...rest, helpdesk: support! } })
  const examineRole = (role: string, appliedRoles?: string, changes: object = {}) => {
    const issuersFile = path.join(directory, 'issuers.json')
    const mappings = [{ claim: 'groups', value: 'desk', role }]
    const corp = { name: 'corp', issuer: 'https://id.example', audience: 'vault', mappings, ...changes }
    writeFileSync(issuersFile, JSON.stringify([corp]))
    return examineMappedRoles(readConfig({ STRONGROOM_ISSUERS_FILE: issuersFile }), { ...factsWith([]), appliedRoles })
  }
  const found = [{ code: 'issuers-file', detail: expect.stringContaining('/0/mappings/0/role') }]

  it('goes by the built-in roles until an operator applied others', async () => {
    expect(await examineRole('support')).toEqual([])
    expect(await examineRole('helpdesk')).toEqual(found)
    expect(await examineRole('helpdesk', renamed)).toEqual([])
    // Other callers are served: an operator corrects it, and it refuses no start.
    expect(await examineRole('support', renamed)).toEqual([{ ...found[0], severity: 'warning' }])
  })

  it('knows no roles by a row that is none of the vault’s', async () => {
    for (const row of ['{', '{}', '{"format":1,"roles":{"a":{}}}'])
      expect(await examineRole('helpdesk', row)).toEqual([])
  })

  it('says nothing of a file that is wrong itself, or is not there', async () => {
    expect(await examineRole('helpdesk', renamed, { audience: '' })).toEqual([])
    expect(await examineMappedRoles(readConfig({}), factsWith([]))).toEqual([])
  })
})

describe('the doctor, about the process and its files', () => {
  it('warns of core dumps that are not off', () => {
    expect(examineProcess({}, [], '0')).toEqual([])
    for (const limit of ['1', '1048576', 'unlimited']) {
      expect(examineProcess({}, [], limit)).toEqual([
        {
          code: 'core-dumps',
          severity: 'warning',
          detail: expect.stringMatching(/limit .*: start it after "ulimit -c 0"/),
        },
      ])
    }
  })

  it('warns of a .env that production does not read', async () => {
    const before = process.cwd()
    const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-doctor-'))
    const codes = async (env: NodeJS.ProcessEnv) =>
      (await examineConfig(readConfig(env))).filter(({ code }) => code === 'env-file-unread')
    try {
      process.chdir(directory)
      expect(await codes({ NODE_ENV: 'production' })).toEqual([])
      writeFileSync('.env', '')
      expect(await codes({ NODE_ENV: 'production' })).toMatchObject([{ severity: 'warning' }])
      expect(await codes({ NODE_ENV: 'production', STRONGROOM_ENV_FILE: '/etc/strongroom.env' })).toEqual([])
      expect(await codes({})).toEqual([])
    } finally {
      process.chdir(before)
      rmSync(directory, { recursive: true })
    }
  })
})

describe('the doctor, about revocation lists', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'strongroom-doctor-'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  const file = () => path.join(directory, 'crl.pem')
  const examineList = async (text: string) => {
    writeFileSync(file(), text)
    const config = readConfig({ STRONGROOM_CLIENT_CA: '/clients.pem', STRONGROOM_CLIENT_CRL: file() })
    return (await examineConfig(config)).filter(({ code }) => code.startsWith('client-crl'))
  }

  it('finds nothing while they are good', async () => {
    expect(await examineList(await (await createClientAuthority()).revoke([]))).toEqual([])
  })

  it('warns of one that is out of date; it refuses no start, since all others are served', async () => {
    const [good, late] = [await createClientAuthority('CN=Good'), await createClientAuthority('CN=Late')]
    const found = await examineList((await good.revoke([])) + (await late.revoke([], [-3, -1])))
    expect(found).toEqual([
      {
        code: 'client-crl-out-of-date',
        severity: 'warning',
        detail: expect.stringMatching(/"CN=Late".*put a new one in its place\.$/),
      },
    ])
  })

  it('says what is wrong with the file', async () => {
    const found = await examineList('nothing')
    expect(found).toEqual([{ code: 'client-crl', detail: `${file()} does not hold a revocation list in PEM.` }])
  })
})

describe('the doctor, about what tickets and authorities must be', () => {
  it('names a pattern that takes too long and a list that is not there', async () => {
    const whyRules = async (env: NodeJS.ProcessEnv) =>
      (await examineConfig(readConfig(env))).filter(({ code }) => code === 'why-rules')
    expect(await whyRules({ STRONGROOM_TICKET_PATTERN: 'INC\\d{7}' })).toEqual([])
    expect(await whyRules({ STRONGROOM_TICKET_PATTERN: '(\\d+)+' })).toEqual([
      { code: 'why-rules', detail: expect.stringContaining('STRONGROOM_TICKET_PATTERN') },
    ])
    expect(await whyRules({ STRONGROOM_AUTHORITIES_FILE: '/nowhere/authorities.json' })).toEqual([
      { code: 'why-rules', detail: expect.stringContaining('/nowhere/authorities.json') },
    ])
  })
})

describe('the doctor, about passphrases', () => {
  it('warns of one that can be guessed, which still opens the vault, and of none that is strong or cannot be read', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-doctor-'))
    try {
      const file = (name: string) => path.join(directory, name)
      const env = { STRONGROOM_ROOT_KEY_FILE: file('root-key') }
      const examine = (more = {}) => examinePassphrases(readConfig({ ...env, ...more }))
      expect(await examine()).toEqual([])
      writeFileSync(file('root-key'), 'aaaaaaaaaaaaaaaaaaaa\n')
      await createDevelopmentPassphrase(file('root-key.root_2'))
      writeFileSync(file('root-key.root_3'), 'short\n')
      expect(await examine()).toEqual([
        {
          code: 'weak-passphrase',
          severity: 'warning',
          detail: expect.stringMatching(/root-key can be guessed: run "strongroom keys rotate root"/),
        },
      ])
      expect(await examine({ STRONGROOM_ROOT_KEY: 'custodian-shares' })).toEqual([])
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
