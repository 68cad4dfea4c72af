import { describe, expect, it } from 'vitest'
import { giveWay } from './time-slice.ts'

/** Keeps the event loop for so long. */
function work(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

/** Long work in steps; `onStep` sees each of them. */
async function workInSteps(steps: number, milliseconds: number, onStep: () => void): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await giveWay()
    onStep()
    work(milliseconds)
  }
}

describe('giveWay', () => {
  it('lets what is due run before the next step, when the slice is over', async () => {
    const order: string[] = []
    const long = workInSteps(3, 5, () => {
      order.push('step')
      setImmediate(() => order.push('due'))
    })
    await long
    expect(order).toEqual(['step', 'due', 'step', 'due', 'step'])
  })

  it('continues without a pause while the slice lasts', async () => {
    await giveWay()
    work(3)
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await workInSteps(20, 0, () => {})
    isOver = true
    expect(turns).toBeLessThan(20)
  })

  it('gives all long work together one slice in a turn, each in its order', async () => {
    const order: string[] = []
    let turn = 0
    let isOver = false
    const count = () => {
      turn++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const turnOf = new Map<string, number>()
    const one = (name: string) =>
      workInSteps(2, 5, () => {
        order.push(name)
        turnOf.set(`${name}${order.length}`, turn)
      })
    await Promise.all(['a', 'b', 'c'].map(one))
    isOver = true
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
    // A slice each in every turn would be two turns.
    expect(new Set(turnOf.values()).size).toBeGreaterThanOrEqual(4)
  })
})
