/**
 * Welch's t of two samples of times: how many standard errors lie between their means. Each sample loses its slowest fifth
 * first, which says more of the machine than of the code.
 */
export function welchT(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [describeSample(one), describeSample(other)]
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)
}

function describeSample(times: readonly number[]): { mean: number; variance: number; count: number } {
  const kept = [...times].sort((a, b) => a - b).slice(0, Math.ceil(times.length * 0.8))
  const mean = kept.reduce((sum, time) => sum + time, 0) / kept.length
  const variance = kept.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (kept.length - 1)
  return { mean, variance, count: kept.length }
}
