import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import pLimit from 'p-limit'

/** All addresses of a name, in the order in which to try them. */
export type LookUp = (name: string) => Promise<readonly string[]>

/** The operating system's resolver, with its hosts file. */
export const lookUpBySystem: LookUp = async (name) => {
  const found = await lookup(name, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}

/**
 * Each lookup of the operating system holds one of the four threads that password hashes and files need too, for as long as a name
 * server is silent.
 */
const LOOKUPS_AT_ONCE = 2

/** Finds the addresses of names. Those who ask for one name at the same time share a lookup; an address is its own. */
export function createResolveName(lookUp: LookUp): LookUp {
  const limit = pLimit(LOOKUPS_AT_ONCE)
  const underWay = new Map<string, Promise<readonly string[]>>()
  return (name) => {
    if (isIP(name) !== 0) return Promise.resolve([name])
    const found = underWay.get(name) ?? limit(lookUp, name).finally(() => underWay.delete(name))
    underWay.set(name, found)
    return found
  }
}
