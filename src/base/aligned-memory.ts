/**
 * The unit of writes that go to the medium by themselves: position, length and memory of a direct write are multiples of it. It
 * is the sector of nearly all drives. One with larger sectors refuses such writes, and is written through the page cache.
 */
export const WRITE_UNIT_BYTES = 512

/** What of WebAssembly is used; the compiler's libraries for Node have no types for it. */
interface PagedMemory {
  readonly buffer: SharedArrayBuffer
}

interface PagedMemoryConstructor {
  new (pages: { readonly initial: number; readonly maximum: number; readonly shared: true }): PagedMemory
}

const PAGE_BYTES = 64 * 1024

/**
 * Memory that threads can share and that begins at a page, as direct writes need it: that of a WebAssembly memory does, while
 * where a SharedArrayBuffer begins is the allocator's affair. Undefined where it cannot be had.
 */
export function alignedMemory(bytes: number): SharedArrayBuffer | undefined {
  const { WebAssembly } = globalThis as { readonly WebAssembly?: { readonly Memory: PagedMemoryConstructor } }
  const pages = Math.ceil(bytes / PAGE_BYTES)
  try {
    return WebAssembly && new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer
  } catch {
    // A limit on the process's address space leaves no room for a memory and its guards.
    return undefined
  }
}
