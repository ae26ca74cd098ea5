/** Objects that are being watched; what is held for one must not lead to it. */
export interface Watch<H> {
  register(target: object, held: H, token: object): void
  unregister(token: object): void
}

/** Tells `collected` what was held for an object that the garbage collector has taken, as `FinalizationRegistry` does. */
export type WatchCollection = <H>(collected: (held: H) => void) => Watch<H>
