import { bytesOfId } from '../values/identifier.ts'
import { uuidArray } from './binary-array.ts'

/** A `uuid[]` parameter of ids or tokens. An invalid one is null, which equals nothing. */
export function idArray(ids: readonly (string | null)[]): Buffer {
  return uuidArray(ids.map((id) => (id === null ? null : (bytesOfId(id) ?? null))))
}
