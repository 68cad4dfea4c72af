import canonicalize from 'canonicalize'
import type { KeyRow, RootKeyRow } from '../key/key.ts'
import { mayHaveBecome } from '../key/key-state.ts'
import { KeyRegistryError, type RegistryRows } from '../key/registry-manifest.ts'

interface Seen extends RegistryRows {
  vault: string
  generation: number
  mac: Buffer
}

/**
 * Compares a registry with the one that this process has seen before, row by row. Its MAC is verified elsewhere: a key
 * that was retired, compromised or destroyed stays so, even for an attacker who has the keys of the MACs.
 *
 * @throws {KeyRegistryError} if the registry is older, another one of the same generation, or takes something back
 */
export function requireNoStepBack(now: Seen, seen: Seen | undefined): void {
  if (seen === undefined) return
  if (now.generation < seen.generation) {
    throw new KeyRegistryError(
      `the key registry was put back from generation ${seen.generation} to ${now.generation}: bring back the newer one, or restart the vault if this was meant.`,
    )
  }
  if (now.generation === seen.generation && !now.mac.equals(seen.mac))
    throw new KeyRegistryError(`there are two key registries of generation ${now.generation}.`)
  if (now.vault !== seen.vault) throw new KeyRegistryError('the key registry is that of another vault.')
  const [keys, rootKeys] = [byId(now.keys), byId(now.rootKeys)]
  const found = [
    ...seen.keys.flatMap((before) => {
      const steps = keyStepsBack(before, keys.get(before.id))
      return steps.map((step) => `key ${before.id} (${before.purpose}): ${step}`)
    }),
    ...seen.rootKeys.flatMap((before) => {
      const steps = rootKeyStepsBack(before, rootKeys.get(before.id))
      return steps.map((step) => `root key ${before.id} (${before.provider}): ${step}`)
    }),
  ]
  if (found.length > 0) throw new KeyRegistryError(`the key registry takes back what was so: ${found.join('; ')}.`)
}

/** Times that never change once they are set. */
const KEY_TIMES = [
  'created_at',
  'activated_at',
  'deactivated_at',
  'compromised_at',
  'destroyed_at',
  'expires_at',
] as const
const ROOT_KEY_TIMES = ['created_at', 'activated_at', 'deactivated_at', 'expires_at'] as const

function keyStepsBack(before: KeyRow, now: KeyRow | undefined): string[] {
  if (now === undefined) return ['it is missing']
  const isSameWrap = now.root_key_id !== before.root_key_id || now.wrapped?.equals(before.wrapped ?? NO_BYTES)
  return [
    ...(mayHaveBecome(before.state, now.state) ? [] : [`it was ${before.state} and is ${now.state}`]),
    ...(now.purpose === before.purpose ? [] : ['it has another purpose']),
    ...(now.wrapped === null || isSameWrap ? [] : ['it was wrapped again under the same root key']),
    ...(before.wrapped === null && now.wrapped !== null ? ['its bytes are back'] : []),
    ...changedTimes(KEY_TIMES, before, now),
  ]
}

const NO_BYTES = Buffer.alloc(0)

function rootKeyStepsBack(before: RootKeyRow, now: RootKeyRow | undefined): string[] {
  if (now === undefined) return ['it is missing']
  const isSamePlace = canonicalize(now.parameters) === canonicalize(before.parameters)
  return [
    ...(mayHaveBecome(before.state, now.state) ? [] : [`it was ${before.state} and is ${now.state}`]),
    ...(now.provider === before.provider && isSamePlace ? [] : ['it is somewhere else']),
    ...changedTimes(ROOT_KEY_TIMES, before, now),
  ]
}

function changedTimes<Name extends string>(
  names: readonly Name[],
  before: Record<Name, Date | null>,
  now: Record<Name, Date | null>,
): string[] {
  return names
    .filter((name) => before[name] !== null && before[name].getTime() !== now[name]?.getTime())
    .map((name) => `${name} was changed`)
}

function byId<Row extends { id: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.id, row]))
}
