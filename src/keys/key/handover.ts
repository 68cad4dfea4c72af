import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** A MAC key out of its wrapping. */
export interface MacKey {
  readonly id: string
  readonly secret: KeyObject
}

/**
 * Proves that the vault itself replaced one key of the manifest's MAC by another: HMAC-SHA-256, in hexadecimal, under
 * the former key over both ids and a check value of the present one. A running server accepts another root key as the
 * vault's only along a chain of these that begins at the key it has. A person who has only a former root key and a
 * backup of its time has none of the keys that came after it.
 */
export interface Handover {
  readonly from: string
  readonly to: string
  readonly mac: string
}

/** It reveals neither key. */
export function makeHandover({ former, present }: { former: MacKey; present: MacKey }): Handover {
  return { from: former.id, to: present.id, mac: handoverMac(former, present).toString('hex') }
}

/** Whether the former key has handed over to the present one. */
export function isHandover({ from, to, mac }: Handover, former: MacKey, present: MacKey): boolean {
  const [stated, expected] = [Buffer.from(mac, 'hex'), handoverMac(former, present)]
  const isOfThem = from === former.id && to === present.id
  return isOfThem && stated.length === expected.length && timingSafeEqual(stated, expected)
}

function handoverMac(former: MacKey, present: MacKey): Buffer {
  const check = createHmac('sha256', present.secret).update(`strongroom mac key check\0${present.id}`).digest('hex')
  return createHmac('sha256', former.secret)
    .update(`strongroom mac key handover\0${former.id}\n${present.id}\n${check}`)
    .digest()
}
