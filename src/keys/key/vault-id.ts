import { base32 } from '../../values/identifier.ts'
import { drawFresh } from '../../values/random.ts'
import type { RootKeyRecord } from '../root-key/root-key.ts'

const FORM = /^vault_[0-9a-z]{26}$/

/** A random id for a new vault: 128 bits. */
export function newVaultId(): string {
  return `vault_${base32(drawFresh(16))}`
}

/** The vault that a root key was made for, as its record says it; undefined for one of an earlier version. */
export function vaultOf({ parameters }: RootKeyRecord): string | undefined {
  const { vault } = parameters
  return typeof vault === 'string' && FORM.test(vault) ? vault : undefined
}
