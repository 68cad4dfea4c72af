import type { FrameCall, FrameEvent, Hello, Open } from './messages.ts'

/** The frame's end of the channel to the page that shows it. */
export interface Channel {
  token: string
  settings: Open['settings']
  tell(event: FrameEvent): void
  /** @param listener is called for everything that the page asks for, from now on */
  listen(listener: (call: FrameCall) => void): void
}

/**
 * Says hello to the pages that the session allows, and waits for the first one that answers with the nonce of this frame. Nothing
 * else is ever taken from a window message.
 *
 * @param origins the exact origins of the session
 */
export function openChannel(origins: readonly string[]): Promise<Channel> {
  const nonce = location.hash.slice(1)
  return new Promise((resolve) => {
    const onMessage = ({ source, origin, data, ports }: MessageEvent<Partial<Open> | undefined>) => {
      if (source !== parent || !origins.includes(origin)) return
      const [port] = ports
      if (data?.strongroom !== 'open' || data.nonce !== nonce || typeof data.token !== 'string' || !port) return
      removeEventListener('message', onMessage)
      resolve({
        token: data.token,
        settings: data.settings ?? {},
        tell: (event) => port.postMessage(event),
        listen: (listener) => {
          port.onmessage = ({ data }: MessageEvent<FrameCall>) => listener(data)
        },
      })
    }
    addEventListener('message', onMessage)
    const hello: Hello = { strongroom: 'hello', nonce }
    // A message to an origin that the page does not have is not delivered.
    for (const origin of origins) parent.postMessage(hello, origin)
  })
}
