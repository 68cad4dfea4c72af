import { describe, expect, it } from 'vitest'
import { areaOf, auditCaller, type Caller } from './caller.ts'

const caller: Caller = {
  id: 'client_1',
  kind: 'client',
  role: undefined,
  site: 'default',
  scopes: new Set(),
  purposes: new Set(),
}
const at = (address: string) => ({ source: { address } })

describe('the source of an event', () => {
  it('is the address in full of a client and of staff', () => {
    expect(auditCaller(caller, at('192.0.2.7')).source).toBe('192.0.2.7')
    expect(auditCaller({ ...caller, kind: 'staff' }, at('2001:db8:1:2::7')).source).toBe('2001:db8:1:2::7')
  })

  it("is the /24 or the /48 of a shopper's session", () => {
    const shopper: Caller = { ...caller, session: 'cs_1' }
    expect(auditCaller(shopper, at('192.0.2.7')).source).toBe('192.0.2.0/24')
    expect(auditCaller(shopper, at('2001:db8:1:2::7')).source).toBe('2001:db8:1::/48')
  })
})

describe('an area', () => {
  it.each([
    ['203.0.113.255', '203.0.113.0/24'],
    ['0.0.0.0', '0.0.0.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8::/48'],
    ['2001:db8:0:5::1', '2001:db8::/48'],
    ['2001:0:5:6::1', '2001:0:5::/48'],
    ['2001::5:6:7:8:9', '2001::/48'],
    ['1::2:3:4:5:6:7', '1:0:2::/48'],
    ['::1', '::/48'],
    ['::2:3:4:5:6:7', '0:0:2::/48'],
    ['fe80::', 'fe80::/48'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, area) => {
    expect(areaOf(address)).toBe(area)
  })
})
