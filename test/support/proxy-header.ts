/** What a proxy sends before TLS, as HAProxy writes it. */

export const SIGNATURE_2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** @param rest addresses, ports and TLVs */
export function versionTwo(
  command: number,
  family: number,
  rest: Buffer = Buffer.alloc(0),
  length = rest.length,
): Buffer {
  const head = Buffer.from([command, family, length >> 8, length & 0xff])
  return Buffer.concat([SIGNATURE_2, head, rest])
}

/** @param source an IPv4 address */
export function versionTwoFor(source: string, tlvs: Buffer = Buffer.alloc(0)): Buffer {
  const octets = [source, '198.51.100.7'].flatMap((address) => address.split('.').map(Number))
  return versionTwo(0x21, 0x11, Buffer.concat([Buffer.from([...octets, 0xdc, 4, 1, 187]), tlvs]))
}

export function versionOneFor(source: string): Buffer {
  const [family, target] = source.includes(':') ? ['TCP6', '2001:db8::7'] : ['TCP4', '198.51.100.7']
  return Buffer.from(`PROXY ${family} ${source} ${target} 56324 443\r\n`, 'latin1')
}
