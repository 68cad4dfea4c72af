import type { Call } from './call.ts'

/**
 * Everything that a call gives in pages, one item after the other:
 * `for await (const event of vault.audit.events({ type: 'record.reveal' }))`.
 */
export class Pages<Item, Page extends { next: string | null }> implements AsyncIterable<Item> {
  readonly #read: (after: string | undefined) => Call<Page>
  readonly #itemsOf: (page: Page) => readonly Item[]

  constructor(read: (after: string | undefined) => Call<Page>, itemsOf: (page: Page) => readonly Item[]) {
    this.#read = read
    this.#itemsOf = itemsOf
  }

  /** The first page, or the one that `after` asks for. Its `next` is the `after` of the one behind it. */
  page(after?: string): Call<Page> {
    return this.#read(after)
  }

  /** Page by page. A page may have no items and still have a next one. */
  async *pages(): AsyncGenerator<Page, void, undefined> {
    for (let after: string | undefined; ; ) {
      const page = await this.#read(after)
      yield page
      if (page.next === null) return
      after = page.next
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for await (const page of this.pages()) yield* this.#itemsOf(page)
  }
}
