import { rawRequest } from './raw-tls.ts'

/** A card number in one place of a request: the bytes, and the name that the handshake asks for. */
export interface Attempt {
  name: string
  bytes: string
  servername?: string
}

/** A card number in every place of a request that can hold one, well-formed or not. */
export function cardNumberEverywhere(number: string, token: string): Attempt[] {
  const grouped = number.replace(/(....)(?=.)/g, '$1 ')
  const bearer = `Authorization: Bearer ${token}`
  const json = 'Content-Type: application/json'
  const form = 'Content-Type: application/x-www-form-urlencoded'
  const post = (path: string, body: string, ...headers: string[]) => {
    const length = `Content-Length: ${Buffer.byteLength(body)}`
    const lines = [`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, length, 'Connection: close']
    // Sent byte by byte as Latin-1, so that UTF-8 has to be spelled out.
    return rawRequest(lines, Buffer.from(body, 'utf8').toString('latin1'))
  }
  const get = (path: string, ...headers: string[]) =>
    rawRequest([`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, 'Connection: close'])
  const tokenize = (body: unknown, ...headers: string[]) =>
    post('/v1/tokenize', JSON.stringify(body), json, bearer, ...headers)
  const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`
  const contact = { name: 'A Name' }
  const grant = 'grant_type=client_credentials'

  const attempts: Record<string, string> = {
    'a good body': tokenize({ card: { number, exp_month: 12, exp_year: 2031 } }),
    'a card with a wrong date': tokenize({ card: { number, exp_month: 13, exp_year: 2031 } }),
    'a number that is not a string': tokenize({ card: { number: Number(number), exp_month: 12, exp_year: 2031 } }),
    'a name': tokenize({ contact: { name: number } }),
    'a name, in groups': tokenize({ contact: { name: `x ${grouped}` } }),
    'a customer': tokenize({ customer: number, contact }),
    'the name of a member': tokenize({ contact, [number]: 1 }),
    'an unknown member': tokenize({ contact, note: { number } }),
    'a duplicate member': post('/v1/tokenize', `{"${number}":1,"${number}":2}`, json, bearer),
    'malformed JSON': post('/v1/tokenize', `{"card":{"number":x${number}`, json, bearer),
    'nothing but the number': post('/v1/tokenize', `${number}x`, json, bearer),
    'another content type': post('/v1/tokenize', `number=${number}`, form, bearer),
    'a content type': post('/v1/tokenize', '{}', `Content-Type: ${number}`, bearer),
    'an encoding': tokenize({ contact }, `Content-Encoding: ${number}`),
    'a body without a token': post('/v1/tokenize', JSON.stringify({ card: { number } }), json),
    'a batch': post('/v1/tokenize/batch', JSON.stringify({ items: [{ contact: { name: number } }] }), json, bearer),
    'a search': post('/v1/search', JSON.stringify({ by: 'email', value: number }), json, bearer),
    'a kind of search': post('/v1/search', JSON.stringify({ by: number, value: 'x' }), json, bearer),
    'a purpose': post(`/v1/tokens/x/reveal`, JSON.stringify({ purpose: number }), json, bearer),
    'the path': get(`/v1/tokens/${number}`, bearer),
    'the path, in groups': get(`/v1/tokens/${grouped.replaceAll(' ', '%20')}`, bearer),
    'the path, with a letter': get(`/v1/tokens/x${number}x`, bearer),
    'an unknown path': get(`/${number}/${number}`),
    'a path that does not decode': get(`/${number}%E0%A4%A`),
    'the query': get(`/v1/audit/events?token=${number}`, bearer),
    'the name of a parameter': get(`/healthz?${number}=1`),
    'an absolute target': get(`https://localhost/${number}`),
    'a User-Agent': get('/healthz', `User-Agent: ${number}`),
    'a header in groups': get('/healthz', `X-Card: ${grouped}`),
    'the name of a header': get('/healthz', `X${number}: 1`),
    'an Idempotency-Key': tokenize({ contact }, `Idempotency-Key: ${number}`),
    'part of an Idempotency-Key': tokenize({ contact }, `Idempotency-Key: x${number}x`),
    'a Request-Id': get('/healthz', `Request-Id: ${number}`),
    'a cookie': get('/healthz', `Cookie: number=${number}`),
    'a bearer token': get('/v1/tokens/x', `Authorization: Bearer ${number}`),
    'an Authorization scheme': get('/v1/tokens/x', `Authorization: ${number} x`),
    'a Host': rawRequest(['GET /healthz HTTP/1.1', `Host: ${number}`, 'Connection: close']),
    'a method': rawRequest([`${number} /healthz HTTP/1.1`, 'Host: localhost', 'Connection: close']),
    'a version': rawRequest([`GET /healthz HTTP/${number}`, 'Host: localhost']),
    'a header without a colon': get('/healthz', `number ${number}`),
    'a length': rawRequest(['POST /v1/tokenize HTTP/1.1', 'Host: localhost', `Content-Length: ${number}x`]),
    'a CONNECT': rawRequest([`CONNECT ${number}:443 HTTP/1.1`, 'Host: localhost']),
    'a client id': post('/oauth/token', `${grant}&client_id=${number}&client_secret=x`, form),
    'a client secret': post('/oauth/token', `${grant}&client_id=x&client_secret=${number}`, form),
    'a grant type': post('/oauth/token', `grant_type=${number}`, form, basic('x:y')),
    'a scope': post('/oauth/token', `${grant}&scope=${number}`, form, basic('x:y')),
    'the name of a form parameter': post('/oauth/token', `${grant}&${number}=1`, form, basic('x:y')),
    'a user name': post('/oauth/token', grant, form, basic(`${number}:y`)),
    'a password': post('/oauth/token', grant, form, basic(`x:${number}`)),
  }
  return [
    ...Object.entries(attempts).map(([name, bytes]) => ({ name, bytes })),
    { name: 'a server name', bytes: get('/healthz'), servername: `${number}.example` },
  ]
}

/** The number in every form that a log could contain. */
export function formsOfNumber(number: string): string[] {
  const bytes = Buffer.from(number)
  return [
    number,
    number.replace(/(....)(?=.)/g, '$1 '),
    number.replace(/(....)(?=.)/g, '$1-'),
    number.replace(/(....)(?=.)/g, '$1%20'),
    bytes.toString('hex'),
    // Inside base64 a text begins at one of three places.
    ...[0, 1, 2].map((at) =>
      Buffer.concat([Buffer.alloc(at), bytes])
        .toString('base64')
        .slice(4, 18),
    ),
  ]
}
