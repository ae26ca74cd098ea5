import type { WatchCollection } from '../collection.ts'

export const nodeCollection: WatchCollection = collected => new FinalizationRegistry(collected)
