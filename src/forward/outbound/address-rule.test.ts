import { describe, expect, it } from 'vitest'
import { mayReach } from './address-rule.ts'

const PUBLIC_ONLY = { private: false, loopback: false }
const PRIVATE = { private: true, loopback: false }
const ALL = { private: true, loopback: true }

describe('an address', () => {
  it.each(['1.1.1.1', '8.8.8.8', '2606:4700:4700::1111', '2a00:1450:4001:80b::200e'])(
    'that is public may be reached: %s',
    (address) => expect(mayReach(address, PUBLIC_ONLY)).toBe(true),
  )

  it.each(['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1'])(
    'of a private network may be reached where that is allowed: %s',
    (address) => {
      expect(mayReach(address, PUBLIC_ONLY)).toBe(false)
      expect(mayReach(address, PRIVATE)).toBe(true)
    },
  )

  it.each(['127.0.0.1', '127.255.255.254', '::1'])(
    'of this machine may be reached where that is allowed: %s',
    (address) => {
      expect(mayReach(address, PUBLIC_ONLY)).toBe(false)
      expect(mayReach(address, PRIVATE)).toBe(false)
      expect(mayReach(address, ALL)).toBe(true)
    },
  )

  it.each([
    ['unspecified', '0.0.0.0'],
    ['of this network', '0.1.2.3'],
    ['of a carrier', '100.64.0.1'],
    ['metadata of Alibaba Cloud', '100.100.100.200'],
    ['metadata', '169.254.169.254'],
    ['link-local', '169.254.0.1'],
    ['metadata of Azure', '168.63.129.16'],
    ['metadata of Oracle Cloud', '192.0.0.192'],
    ['of documentation', '192.0.2.1'],
    ['of documentation', '198.51.100.7'],
    ['of documentation', '203.0.113.9'],
    ['6to4 relay', '192.88.99.1'],
    ['of benchmarks', '198.18.0.1'],
    ['multicast', '224.0.0.1'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['compatible', '::127.0.0.1'],
    ['mapped', '::ffff:127.0.0.1'],
    ['mapped', '::ffff:7f00:1'],
    ['mapped public', '::ffff:8.8.8.8'],
    ['translated', '::ffff:0:127.0.0.1'],
    ['NAT64', '64:ff9b::169.254.169.254'],
    ['NAT64 of a network', '64:ff9b:1::10.0.0.1'],
    ['6to4', '2002:7f00:1::'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['link-local', 'fe80::1'],
    ['of a zone', 'fe80::1%eth0'],
    ['of a zone', '2606:4700:4700::1111%1'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['of documentation', '2001:db8::1'],
    ['discard-only', '100::1'],
    ['not assigned', '4000::1'],
    ['metadata of AWS', 'fd00:ec2::254'],
    ['metadata of Google Cloud', 'fd20:ce::254'],
    ['decimal', '2130706433'],
    ['hexadecimal', '0x7f000001'],
    ['octal', '0177.0.0.1'],
    ['short', '127.1'],
    ['a name', 'localhost'],
    ['nothing', ''],
  ])('is never reached: %s %s', (_, address) => expect(mayReach(address, ALL)).toBe(false))
})
