/** One curve: a value for each number of connections. */
export interface Series {
  title: string
  points: readonly { connections: number; perSecond: number; p99: number }[]
}

const WIDTH = 860
const HEIGHT = 360
const PANEL = { width: 330, height: 240, top: 50 }
const CONNECTIONS = [1, 8, 64, 256]
/** Readable on white and on black (Okabe and Ito's palette, which also serves colour-blind readers, a little darker). */
const COLOURS = ['#d55e00', '#0a84c6', '#009e73', '#cc5fa0', '#b58900']

/** Two panels over connections: requests per second, and p99 on a logarithmic scale. No dependency, no script. */
export function throughputPlot(series: readonly Series[]): string {
  const points = series.flatMap((one) => one.points)
  const top = niceCeiling(Math.max(...points.map((point) => point.perSecond)))
  const rates = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top)
  const decades = decadesOf(points.map((point) => point.p99))
  const lowest = Math.log10(decades[0]!)
  const span = Math.log10(decades.at(-1)!) - lowest
  const left = panel({
    x: 70,
    title: 'requests per second',
    ticks: rates.map((value) => ({ at: value / top, label: value.toLocaleString('en-US') })),
    series: series.map((one) => one.points.map(({ connections, perSecond }) => [connections, perSecond / top])),
  })
  const right = panel({
    x: 500,
    title: 'p99, ms (logarithmic)',
    ticks: decades.map((value) => ({ at: (Math.log10(value) - lowest) / span, label: String(value) })),
    series: series.map((one) =>
      one.points.map(({ connections, p99 }) => [connections, (Math.log10(p99) - lowest) / span]),
    ),
  })
  const legend = series.map((one, at) => {
    const x = 40 + at * 165
    return `<circle cx="${x}" cy="${HEIGHT - 14}" r="5" fill="${COLOURS[at]}"/><text x="${x + 10}" y="${HEIGHT - 10}">${one.title}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Throughput and p99 over connections: ours and the floors">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 13px }
  .grid { stroke: #8b949e; stroke-opacity: .35 }
  path { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>
${[left, right, ...legend].join('\n')}
</svg>
`
}

function panel(options: {
  x: number
  title: string
  ticks: readonly { at: number; label: string }[]
  series: readonly (readonly (readonly number[])[])[]
}): string {
  const { width, height, top } = PANEL
  const x = (connections: number) => {
    const share = Math.log2(connections) / Math.log2(CONNECTIONS.at(-1)!)
    return options.x + 12 + share * (width - 24)
  }
  const y = (share: number) => top + height - share * height
  const number = (value: number) => value.toFixed(1)
  const grid = options.ticks.map(
    ({ at, label }) =>
      `<line class="grid" x1="${options.x}" x2="${options.x + width}" y1="${number(y(at))}" y2="${number(y(at))}"/>` +
      `<text x="${options.x - 8}" y="${number(y(at) + 4)}" text-anchor="end">${label}</text>`,
  )
  const axis = CONNECTIONS.map(
    (connections) =>
      `<text x="${number(x(connections))}" y="${top + height + 18}" text-anchor="middle">${connections}</text>`,
  )
  const curves = options.series.map((points, at) => {
    const places = points.map(([connections, share]) => [number(x(connections!)), number(y(share!))] as const)
    const dots = places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${COLOURS[at]}"/>`)
    return `<path stroke="${COLOURS[at]}" d="M${places.map((place) => place.join(' ')).join('L')}"/>${dots.join('')}`
  })
  const below = `<text x="${options.x + width / 2}" y="${top + height + 36}" text-anchor="middle">connections</text>`
  return [
    `<text class="title" x="${options.x}" y="${top - 20}">${options.title}</text>`,
    ...grid,
    ...axis,
    below,
    ...curves,
  ].join('\n')
}

function niceCeiling(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 4, 6, 8, 10].find((factor) => factor * unit >= value) ?? 10) * unit
}

/** The powers of ten around the values. */
function decadesOf(values: readonly number[]): number[] {
  const from = Math.floor(Math.log10(Math.min(...values)))
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))))
  return Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at))
}
