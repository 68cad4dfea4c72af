import type { FrameCall, FrameEvent, Hello, Open, Settings } from './messages.ts'

export interface CheckoutOptions extends Settings {
  /** As the vault answered the shop's server that opened the session. */
  session: { id: string; token: string }
  /** The title of the frame, which a screen reader says. */
  title?: string
}

/** Tokens and masked views by part, and the consents that the shopper gave. */
export type CheckoutTokens = Readonly<Record<string, unknown>>

/** What the fields tell the page. */
export interface CheckoutEvents {
  /** The fields can be filled in. */
  ready: undefined
  /** What was typed has changed; of a card only its brand is said. */
  change: { complete: boolean; empty: boolean; brand: string | undefined }
  focus: { field: string }
  blur: { field: string }
  /** Enter was pressed in a field. */
  submit: undefined
  escape: undefined
  /** A field or the whole checkout is not acceptable. */
  error: { code: string; message: string; retryable: boolean; field: string | undefined }
  /** The browser has loaded the frame again, as when it is moved on the page: what was typed is lost. */
  reset: undefined
  /** The frame has not answered within ten seconds. */
  loaderror: undefined
}

type Listener<Name extends keyof CheckoutEvents> = (detail: CheckoutEvents[Name]) => void

/** Why there are no tokens. `code` is one of the vault's, or `not-mounted`, `incomplete`, `network`. */
class CheckoutError extends Error {
  override readonly name = 'CheckoutError'
  readonly code: string
  readonly retryable: boolean
  readonly field: string | undefined

  constructor({
    code,
    message,
    retryable = false,
    field,
  }: { code: string; message: string; retryable?: boolean; field?: string | undefined }) {
    super(message)
    this.code = code
    this.retryable = retryable
    this.field = field
  }
}

/** The promise is ten seconds, and a timer is never early. */
const LOAD_MS = 9_000

/** The fields of one session on a page. */
export class CheckoutFields {
  readonly #vault: string
  readonly #options: CheckoutOptions
  #settings: Settings
  readonly #listeners = new Map<string, Set<(detail: never) => void>>()
  #frame: HTMLIFrameElement | undefined
  #nonce = ''
  #port: MessagePort | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #calls = new Map<number, { resolve: (tokens: CheckoutTokens) => void; reject: (error: Error) => void }>()
  #lastCall = 0
  #tokenizing: Promise<CheckoutTokens> | undefined

  constructor(vault: string, options: CheckoutOptions) {
    const { id, token } = options?.session ?? {}
    if (typeof id !== 'string' || typeof token !== 'string') {
      throw new TypeError("a checkout needs the session's id and token: {session: {id, token}}")
    }
    this.#vault = vault
    this.#options = options
    const { locale, appearance, texts } = options
    this.#settings = { ...(locale && { locale }), ...(appearance && { appearance }), ...(texts && { texts }) }
  }

  on<Name extends keyof CheckoutEvents>(name: Name, listener: Listener<Name>): this {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener as (detail: never) => void))
    return this
  }

  off<Name extends keyof CheckoutEvents>(name: Name, listener: Listener<Name>): this {
    this.#listeners.get(name)?.delete(listener as (detail: never) => void)
    return this
  }

  /** Puts the fields into an element, also one in a shadow root. @param target the element, or a selector for it */
  mount(target: Element | string): this {
    const element = typeof target === 'string' ? document.querySelector(target) : target
    if (element === null) throw new TypeError('there is no such element')
    this.unmount()
    this.#nonce = crypto.randomUUID()
    const frame = document.createElement('iframe')
    frame.title = this.#options.title ?? 'Card'
    frame.src = `${this.#vault}/checkout/${encodeURIComponent(this.#options.session.id)}/frame#${this.#nonce}`
    for (const [name, value] of [
      ['border', '0'],
      ['width', '100%'],
      ['display', 'block'],
      ['height', '260px'],
      ['color-scheme', 'normal'],
    ]) {
      frame.style.setProperty(name!, value!)
    }
    this.#frame = frame
    addEventListener('message', this.#onMessage)
    this.#timer = setTimeout(() => this.#emit('loaderror', undefined), LOAD_MS)
    element.append(frame)
    return this
  }

  unmount(): this {
    clearTimeout(this.#timer)
    removeEventListener('message', this.#onMessage)
    this.#disconnect()
    this.#frame?.remove()
    this.#frame = undefined
    return this
  }

  /** Changes language, appearance or texts. */
  update(settings: Settings): this {
    this.#settings = { ...this.#settings, ...settings }
    this.#send({ call: 'update', settings })
    return this
  }

  /** @param field default: the first one that is not filled in */
  focus(field?: string): this {
    this.#frame?.focus()
    this.#send({ call: 'focus', field })
    return this
  }

  clear(): this {
    this.#send({ call: 'clear' })
    return this
  }

  /**
   * Stores what was typed, and gives the tokens. Called again while it is under way, or afterwards, it gives the same tokens.
   *
   * @throws {CheckoutError}
   */
  tokenize(): Promise<CheckoutTokens> {
    this.#tokenizing ??= this.#ask().finally(() => {
      this.#tokenizing = undefined
    })
    return this.#tokenizing
  }

  #ask(): Promise<CheckoutTokens> {
    if (this.#port === undefined) {
      return Promise.reject(
        new CheckoutError({ code: 'not-mounted', message: 'the fields are not ready', retryable: true }),
      )
    }
    return new Promise((resolve, reject) => {
      const number = ++this.#lastCall
      this.#calls.set(number, { resolve, reject })
      this.#send({ call: 'tokenize', number })
    })
  }

  /** Only the frame itself is believed, at the vault's own origin, with the nonce that it was given. */
  readonly #onMessage = ({ source, origin, data }: MessageEvent<Partial<Hello> | undefined>) => {
    const target = this.#frame?.contentWindow
    if (!target || source !== target || origin !== this.#vault) return
    if (data?.strongroom !== 'hello' || data.nonce !== this.#nonce) return
    const wasOpen = this.#port !== undefined
    this.#disconnect()
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }: MessageEvent<FrameEvent>) => this.#hear(data)
    this.#port = port1
    const open: Open = {
      strongroom: 'open',
      nonce: this.#nonce,
      token: this.#options.session.token,
      settings: this.#settings,
    }
    target.postMessage(open, this.#vault, [port2])
    if (wasOpen) this.#emit('reset', undefined)
  }

  #hear(said: FrameEvent): void {
    if (said.event === 'ready') {
      clearTimeout(this.#timer)
      this.#emit('ready', undefined)
    } else if (said.event === 'height') {
      this.#frame?.style.setProperty('height', `${Math.ceil(Number(said.pixels))}px`)
    } else if (said.event === 'result' || said.event === 'failure') {
      const call = this.#calls.get(said.call)
      this.#calls.delete(said.call)
      if (said.event === 'result') call?.resolve(said.tokens as CheckoutTokens)
      else call?.reject(new CheckoutError(said))
    } else {
      const { event, ...detail } = said
      this.#emit(event, (Object.keys(detail).length > 0 ? detail : undefined) as never)
    }
  }

  #send(call: FrameCall): void {
    this.#port?.postMessage(call)
  }

  #disconnect(): void {
    this.#port?.close()
    this.#port = undefined
    for (const { reject } of this.#calls.values()) {
      reject(new CheckoutError({ code: 'not-mounted', message: 'the fields are gone', retryable: true }))
    }
    this.#calls.clear()
  }

  #emit<Name extends keyof CheckoutEvents>(name: Name, detail: CheckoutEvents[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(detail as never)
  }
}
