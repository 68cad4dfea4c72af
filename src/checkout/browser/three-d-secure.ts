/** What a 3-D Secure request says of the browser (EMV 3-D Secure 2.3, `browser…` members). */
export interface BrowserDetails {
  language: string
  color_depth: number
  screen_height: number
  screen_width: number
  time_zone_offset_minutes: number
  user_agent: string
  java_enabled: false
  javascript_enabled: true
}

export function browserDetails(): BrowserDetails {
  return {
    language: navigator.language,
    color_depth: screen.colorDepth,
    screen_height: screen.height,
    screen_width: screen.width,
    time_zone_offset_minutes: new Date().getTimezoneOffset(),
    user_agent: navigator.userAgent,
    java_enabled: false,
    javascript_enabled: true,
  }
}

/** The sizes of a challenge window (EMV 3-D Secure, `challengeWindowSize`), in pixels. */
const SIZES = { '01': [250, 400], '02': [390, 400], '03': [500, 600], '04': [600, 400] } as const

/**
 * A frame for the challenge of a card issuer. The caller puts it on the page, and removes it afterwards.
 *
 * @param url where the processor says that the challenge is, https only
 * @param size of `challengeWindowSize`; `05` fills the element around it
 */
export function challengeFrame(url: string, size: keyof typeof SIZES | '05', title = 'Bank'): HTMLIFrameElement {
  if (new URL(url).protocol !== 'https:') throw new TypeError('the URL of a challenge must be https')
  if (size !== '05' && !Object.hasOwn(SIZES, size)) throw new TypeError('the size of a challenge is 01 to 05')
  const frame = document.createElement('iframe')
  frame.title = title
  frame.allow = 'publickey-credentials-get; payment'
  const [width, height] = size === '05' ? ['100%', '100%'] : SIZES[size].map((pixels) => `${pixels}px`)
  const { style } = frame
  style.setProperty('border', '0')
  style.setProperty('max-width', '100%')
  style.setProperty('width', width!)
  style.setProperty('height', height!)
  frame.src = url
  return frame
}
