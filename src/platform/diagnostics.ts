/** A channel that anybody in the process may listen to, as `node:diagnostics_channel` has them. */
export interface Channel {
  /** Nothing is built for a message while this is false. */
  readonly hasSubscribers: boolean
  publish(message: object): void
}

/** The channel of that name: always the same one. */
export type Channels = (name: string) => Channel
