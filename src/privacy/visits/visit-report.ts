import type { VisitCount } from './visit-store.ts'

/** Fewer visits than this could be about one person. */
export const LEAST_SHOWN = 5

/** The counts of a day; null stands for a few that are not shown. */
export interface VisitsOfDay {
  day: string
  visitors: number | null
  views: Record<string, number | null>
  entry: Record<string, number | null>
  exit: Record<string, number | null>
  time: Record<string, number | null>
}

/**
 * The counts by day. What is below the threshold is not shown, and neither is the next smallest count of its group, since the group's
 * sum would give it away. Views and entries have one sum, and so have exits and times: where one group has nothing but small counts,
 * the other is not shown either.
 */
export function visitsByDay(counts: readonly VisitCount[]): VisitsOfDay[] {
  const days = Map.groupBy(counts, ({ day }) => day)
  return [...days].map(([day, of]) => {
    const group = (name: string): Group => {
      const found = of.filter(({ measure }) => measure.startsWith(`${name}:`))
      return found.map(({ measure, count }) => [measure.slice(name.length + 1), count])
    }
    const [views, entry] = hidePair(group('views'), group('entry'))
    const [exit, time] = hidePair(group('exit'), group('time'))
    const visitors = of.find(({ measure }) => measure === 'visitors')?.count ?? 0
    return {
      day,
      visitors: visitors < LEAST_SHOWN ? null : visitors,
      views,
      entry,
      exit,
      time,
    }
  })
}

type Group = [name: string, count: number][]

function isFew([, count]: Group[number]): boolean {
  return count < LEAST_SHOWN
}

/** Two groups that count the same visits. */
function hidePair(one: Group, other: Group): [Record<string, number | null>, Record<string, number | null>] {
  const isSmall = (group: Group) => group.length > 0 && group.every(isFew)
  return [hideFew(one, isSmall(other)), hideFew(other, isSmall(one))]
}

function hideFew(group: Group, hidesAll: boolean): Record<string, number | null> {
  const bySize = group.toSorted(([, one], [, other]) => one - other)
  const few = bySize.filter(isFew).length
  const hidden = new Set((hidesAll ? bySize : bySize.slice(0, few && few + 1)).map(([name]) => name))
  return Object.fromEntries(group.map(([name, count]) => [name, hidden.has(name) ? null : count]))
}
