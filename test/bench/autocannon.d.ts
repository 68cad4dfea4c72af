/** The part of autocannon 9 that the cross-check uses; the package brings no types. */
declare module 'autocannon' {
  interface Options {
    url: string
    connections: number
    duration: number
    requests: { method: string; path: string; headers: Record<string, string>; body?: string | undefined }[]
    tlsOptions: { ca: string; servername: string }
  }
  interface Result {
    duration: number
    errors: number
    latency: { p50: number; p99: number }
    statusCodeStats: Record<string, { count: number }>
  }
  export default function autocannon(options: Options): Promise<Result>
}
