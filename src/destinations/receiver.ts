/** Where notices or alerts are sent to. */
export interface Receiver {
  /** `https://host/path`, with a port where it is not 443. */
  url: string
  /** The only authorities that are trusted, in PEM. */
  ca?: string | undefined
  private_addresses: boolean
}

/** Where the vault sends what no caller asks for. */
export interface Receivers {
  /** The receivers of notices, by the ids of the partners. */
  partners: Readonly<Record<string, Receiver>>
  /** Gets every alert. */
  alerts?: Receiver | undefined
}
