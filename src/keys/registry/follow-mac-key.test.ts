import { createSecretKey, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { type Handover, isHandover, type MacKey, makeHandover } from '../key/handover.ts'
import { followMacKey } from './follow-mac-key.ts'

const macKey = (id: string): MacKey => ({ id, secret: createSecretKey(randomBytes(32)) })
const [first, second, third] = [macKey('key_1'), macKey('key_2'), macKey('key_3')]
const handovers = [makeHandover({ former: first, present: second }), makeHandover({ former: second, present: third })]
const unwrapAmong = (keys: readonly MacKey[]) => async (id: string) => keys.find((key) => key.id === id)!
const follow = (held: MacKey, wanted: string, given: readonly Handover[] = handovers, keys = [second, third]) =>
  followMacKey({ held, wanted, handovers: given, unwrap: unwrapAmong(keys) })

it('leads from each key to each later one', async () => {
  expect(await follow(first, 'key_2')).toBe(second)
  expect(await follow(first, 'key_3')).toBe(third)
  expect(await follow(second, 'key_3')).toBe(third)
  expect(await follow(third, 'key_3')).toBe(third)
})

it('leads nowhere without a step, backwards, in a circle, or to another key of that name', async () => {
  const circle = [handovers[0]!, { ...makeHandover({ former: second, present: first }) }]
  await expect(follow(first, 'key_3', [handovers[0]!])).rejects.toThrow('not put in the place of its own')
  await expect(follow(second, 'key_1')).rejects.toThrow('not put in the place of its own')
  await expect(follow(first, 'key_4', circle, [first, second])).rejects.toThrow('not put in the place of its own')
  await expect(follow(first, 'key_2', handovers, [macKey('key_2')])).rejects.toThrow('not put in the place of its own')
})

it('is made by the former key alone', () => {
  const [handover] = handovers
  expect(isHandover(handover!, first, second)).toBe(true)
  expect(isHandover(makeHandover({ former: macKey('key_1'), present: second }), first, second)).toBe(false)
  expect(isHandover({ ...handover!, to: 'key_3' }, first, third)).toBe(false)
  expect(isHandover({ ...handover!, mac: '' }, first, second)).toBe(false)
})
