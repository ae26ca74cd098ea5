/** Unpredictable bytes in production, seeded ones in simulation. */
export interface Random {
  fill(target: Uint8Array): void
}
