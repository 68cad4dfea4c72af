/** What an answer says beside its data. */
export interface AnswerFacts {
  status: number
  headers: Headers
  /** The id under which the vault has this request in its log and its audit event. */
  requestId: string | undefined
  /** The key that was sent, for calls that take one. */
  idempotencyKey: string | undefined
  /** Whether the vault did this before and repeated its answer. */
  replayed: boolean
  /** How many requests were sent for this call. */
  attempts: number
}

export interface Answer<Data> {
  data: Data
  response: AnswerFacts
}

/** A call that is under way: a promise of its data. */
export class Call<Data> implements Promise<Data> {
  readonly [Symbol.toStringTag] = 'Call'
  readonly #answer: Promise<Answer<Data>>

  constructor(answer: Promise<Answer<Data>>) {
    this.#answer = answer
  }

  /** The data with the status, the headers and the request id of its answer. */
  withResponse(): Promise<Answer<Data>> {
    return this.#answer
  }

  // Made when it is asked for, so that `withResponse` alone leaves no rejection unhandled.
  // biome-ignore lint/suspicious/noThenProperty: a call is awaited
  then<A = Data, B = never>(
    onData?: ((data: Data) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#answer.then(({ data }) => data).then(onData, onError)
  }

  catch<B = never>(onError?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<Data | B> {
    return this.then(undefined, onError)
  }

  finally(onEnd?: (() => void) | null): Promise<Data> {
    return this.then().finally(onEnd)
  }
}
