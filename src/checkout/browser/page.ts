import type { PageFacts } from '../checkout-page.ts'
import { openChannel } from './channel.ts'
import { element } from './element.ts'
import { CheckoutForm, type FormOptions, type Outcome } from './form.ts'
import type { FrameCall, Settings } from './messages.ts'
import { applyAppearance } from './styles.ts'
import type { Texts } from './texts/en.ts'
import { directionOf, textsFor } from './texts.ts'
import { noteStored, tellEnd } from './visit.ts'

/*
 * The page of a checkout session: by itself (`hosted`), or in the frame of `checkout.js` (`framed`). The server puts the facts of
 * the session into it.
 */

/** After so long without `checkout.js` the page says what it is for. */
const ALONE_MS = 10_000

const facts = JSON.parse(document.getElementById('facts')!.textContent) as PageFacts
tellEnd(facts)
const main = document.getElementById('checkout')!
document.documentElement.dataset.mode = facts.mode
applyAppearance()
if (facts.mode === 'hosted') showHosted()
else void showFramed()

function optionsOf(hasButton: boolean, locale = facts.locale): FormOptions {
  const { parts, consents, countries, isTest } = facts
  return { parts, consents, countries, isTest, locale, hasButton }
}

function setLanguage(locale: string): void {
  const { documentElement } = document
  documentElement.lang = locale
  documentElement.dir = directionOf(locale)
}

function showHosted(): void {
  const texts = textsFor(facts.locale)
  const form = new CheckoutForm(facts.token!, optionsOf(true), texts, {
    change: () => {},
    focus: () => {},
    blur: () => {},
    escape: () => {},
    submit: async () => {
      if (!('tokens' in (await form.submit()))) return
      noteStored()
      finish()
    },
  })
  document.title = texts.checkout
  const shop = facts.returnUrl ?? facts.origins[0]
  main.append(
    element('h1', {}, texts.checkout),
    element('p', { class: 'shop' }, element('bdi', {}, shop === undefined ? '' : new URL(shop).host)),
    form.node,
  )

  function finish(): void {
    const url = showEnd(texts)
    if (url !== undefined && self === top) location.assign(url)
  }
}

/** Says that the checkout is stored, with the way back to the shop. */
function showEnd(texts: Texts): URL | undefined {
  const url = facts.returnUrl === undefined ? undefined : new URL(facts.returnUrl)
  url?.searchParams.set('checkout_session', facts.id)
  const said = element('p', { class: 'end', role: 'status', tabindex: '-1' }, texts.done)
  if (url) said.append(element('br'), element('a', { href: url.href, target: '_top', rel: 'noreferrer' }, texts.back))
  main.replaceChildren(element('h1', {}, texts.checkout), said)
  // The button that had the focus is gone.
  said.focus()
  return url
}

async function showFramed(): Promise<void> {
  const alone = setTimeout(() => main.replaceChildren(textsFor(facts.locale).noShop), self === top ? 0 : ALONE_MS)
  const channel = await openChannel(facts.origins)
  clearTimeout(alone)
  main.replaceChildren()
  let settings = channel.settings
  const localeOf = ({ locale }: Settings) => locale ?? facts.locale
  const { tell } = channel
  setLanguage(localeOf(settings))
  applyAppearance(settings.appearance)
  const form = new CheckoutForm(
    channel.token,
    optionsOf(false, localeOf(settings)),
    textsFor(localeOf(settings), settings.texts),
    {
      change: (state) => tell({ event: 'change', ...state }),
      focus: (field) => tell({ event: 'focus', field }),
      blur: (field) => tell({ event: 'blur', field }),
      submit: () => tell({ event: 'submit' }),
      escape: () => tell({ event: 'escape' }),
    },
  )
  main.append(form.node)
  new ResizeObserver(() => tell({ event: 'height', pixels: main.getBoundingClientRect().height })).observe(main)

  function answer(call: number, outcome: Outcome): void {
    if ('tokens' in outcome) {
      noteStored()
      tell({ event: 'result', call, tokens: outcome.tokens })
      return
    }
    tell({ event: 'error', ...outcome.failure })
    tell({ event: 'failure', call, ...outcome.failure })
  }

  channel.listen(async (asked: FrameCall) => {
    if (asked.call === 'focus') form.focus(asked.field)
    else if (asked.call === 'clear') form.clear()
    else if (asked.call === 'tokenize') answer(asked.number, await form.submit())
    else {
      settings = { ...settings, ...asked.settings }
      setLanguage(localeOf(settings))
      applyAppearance(settings.appearance)
      form.translate(textsFor(localeOf(settings), settings.texts))
    }
  })
  tell({ event: 'ready' })
}
