/**
 * States what must hold if the engine is right. A failure is a bug in Manifold, never bad input and never a damaged
 * file: those have codes (`errors.ts`).
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Manifold internal error: ${message}. Please report this as a bug.`)
}
