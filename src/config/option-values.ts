import { z } from 'zod'

/** Where a root key can come from: one file each in `keys/root-key`. */
export const rootKeyProviderNames = ['passphrase-file', 'custodian-shares', 'aws-kms', 'pkcs11'] as const

export type RootKeyProviderName = (typeof rootKeyProviderNames)[number]

/** What the name of a schema may be, so that it can stand in the text of statements and functions. */
export const SCHEMA_NAME = /^(?!pg_|information_schema$)[A-Za-z_][A-Za-z0-9_-]{0,62}$/

/** A name that a person reads in lists and in the audit log. */
export const PERSON_NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} .,'’&()/_@-]{0,63}$/u

export const text = z.string().min(1)

export const databaseUrl = z.url({ protocol: /^postgres(ql)?$/ })

export const port = z.coerce.number().int().min(1).max(65535)

export const limit = z.coerce.number().int().min(1).max(1_000_000)

/** Such as 512MB or 4GB, which PostgreSQL reads the same way; up to 1,024 GB. */
export const size = (leastMegabytes: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,6}(MB|GB)$/)
    .refine((text) => {
      const megabytes = Number.parseInt(text, 10) * (text.endsWith('GB') ? 1024 : 1)
      return megabytes >= leastMegabytes && megabytes <= 1024 * 1024
    })

export const proxyRange = z
  .union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])
  // A vault that trusts every address lets each client choose its source. IPv4 inside IPv6 is matched as IPv4.
  .refine((range) => !range.endsWith('/0') && !/^[0:]*:ffff:/i.test(range))
