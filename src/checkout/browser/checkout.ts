import { type CheckoutEvents, CheckoutFields, type CheckoutOptions } from './checkout-fields.ts'
import { type BrowserDetails, browserDetails, challengeFrame } from './three-d-secure.ts'

/*
 * `checkout.js`, for pages of shops. It puts a frame of the vault on the page and hands over tokens. What the shopper types stays in
 * the frame.
 */

export type { BrowserDetails, CheckoutEvents, CheckoutOptions }

/** The vault is where this script comes from. */
const script = document.currentScript as HTMLScriptElement | null
const vault = new URL(script?.src ?? location.href).origin

declare global {
  interface Window {
    Strongroom: typeof api
  }
}

const api = {
  /** Makes the fields of a checkout session. `mount` puts them on the page. */
  checkout: (options: CheckoutOptions) => new CheckoutFields(vault, options),
  browserDetails,
  challengeFrame,
}

window.Strongroom = api
