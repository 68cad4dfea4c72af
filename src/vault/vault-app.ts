import type { Caller } from '../access/policy/caller.ts'
import { requireAnyScope } from '../access/policy/grant.ts'
import { STATEMENT_ALGORITHMS } from '../access/policy/signed-jwt.ts'
import { type App, type AppOptions, createApp } from '../http/app.ts'
import type { RefusesCertificate } from '../http/request-credentials.ts'
import { createTrustedProxies, type TrustedProxies } from '../http/source/trusted-proxies.ts'
import { holdsCardNumber } from '../kinds/card-number.ts'

type OfListener = 'answersFor' | 'proxies' | 'refusesCertificate'
type OfEveryVault = 'authorize' | 'describeCaller' | 'holdsCardNumber' | 'proofAlgorithms'

/** What the HTTPS application takes from its listener. */
export interface ListenerFacts {
  proxies?: TrustedProxies
  refusesCertificate?: RefusesCertificate
}

/** Makes the HTTPS application of a vault, for the names that a listener answers for. */
export function createVaultApp(
  parts: Omit<AppOptions<Caller>, OfListener | OfEveryVault>,
): (answersFor: (host: string) => boolean, listener?: ListenerFacts) => VaultApp {
  return (answersFor, listener = {}) =>
    createApp<Caller>({
      ...parts,
      answersFor,
      proxies: listener.proxies ?? createTrustedProxies([]),
      refusesCertificate: listener.refusesCertificate ?? (() => false),
      authorize: requireAnyScope,
      proofAlgorithms: STATEMENT_ALGORITHMS,
      describeCaller: (caller) => caller.id,
      // A token is letters and digits. Sooner or later some of its digits pass for a card number.
      holdsCardNumber: (text) => holdsCardNumber(text, { besideLetters: false }),
    })
}

export type VaultApp = App
