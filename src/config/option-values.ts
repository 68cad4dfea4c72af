import { z } from 'zod'

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
