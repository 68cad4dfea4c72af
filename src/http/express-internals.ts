import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http'
import type { Express } from 'express'

/**
 * The one place that reaches into Express. On every request `app.handle` calls `Object.setPrototypeOf` on the request and
 * the response, so that they get Express's methods; V8 then gives up the optimised shape of both objects. Objects
 * that are born with those prototypes make the call a no-op. Measured by `npm run bench`; see test/bench/README.md.
 *
 * It relies on: `app.request` and `app.response` being the prototypes that are set (Express 5, lib/application.js), and on
 * Node creating both through the server's `IncomingMessage` and `ServerResponse` options. `express-internals.test.ts`
 * fails when an upgrade changes either.
 *
 * @returns options for `createServer`
 */
export function bornWithExpressPrototypes(app: Express): Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'> {
  return {
    IncomingMessage: withPrototype(IncomingMessage, app.request),
    ServerResponse: withPrototype(ServerResponse, app.response),
  }
}

/** A constructor that builds what `Base` builds, with that prototype from the first instant. */
function withPrototype<Base extends typeof IncomingMessage | typeof ServerResponse>(
  base: Base,
  prototype: object,
): Base {
  function Born(...parameters: unknown[]) {
    return Reflect.construct(base, parameters, Born)
  }
  Born.prototype = prototype
  return Object.assign(Born, { super_: base }) as unknown as Base
}
