/*
 * What a page of the shop and the frame of the vault say to each other. Two window messages make the handshake: the frame says
 * hello to each origin of its session, and the page answers with a port. Everything else goes through that port.
 */

/** From the frame, once it is loaded. @param nonce the one in the fragment of the frame's URL */
export interface Hello {
  strongroom: 'hello'
  nonce: string
}

/** From the page, with one port of a channel. */
export interface Open {
  strongroom: 'open'
  nonce: string
  token: string
  settings: Settings
}

/** What a page may set, and change later. */
export interface Settings {
  /** A language tag (BCP 47); default: that of the session. */
  locale?: string
  /** Values for a closed list of variables. */
  appearance?: Readonly<Record<string, string>>
  /** Texts in place of those of the vault, by their names. */
  texts?: Readonly<Record<string, string>>
}

/** What the frame tells. None of it holds a digit or a letter that the shopper has typed. */
export type FrameEvent =
  | { event: 'ready' }
  | { event: 'change'; complete: boolean; empty: boolean; brand: string | undefined }
  | { event: 'focus' | 'blur'; field: string }
  | { event: 'submit' | 'escape' }
  | { event: 'error'; code: string; message: string; retryable: boolean; field: string | undefined }
  | { event: 'height'; pixels: number }
  | { event: 'result'; call: number; tokens: unknown }
  | { event: 'failure'; call: number; code: string; message: string; retryable: boolean; field: string | undefined }

/** What the page asks for. */
export type FrameCall =
  | { call: 'update'; settings: Settings }
  | { call: 'focus'; field: string | undefined }
  | { call: 'clear' }
  | { call: 'tokenize'; number: number }
