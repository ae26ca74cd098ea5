import {
  OVERFLOW_CHECKSUM_OFFSET,
  OVERFLOW_LENGTH_OFFSET,
  OVERFLOW_PAGE_OFFSET,
  readWord,
} from '../pager/overflow-format.ts'

/**
 * Where a value of a tree lies: in the page cache, valid until the next page is loaded, or in an overflow extent, to be
 * read with `Pager.readOverflow(overflowPage, valueLength, overflowChecksum)`.
 */
export interface ValuePlace {
  bytes: Uint8Array
  valueOffset: number
  valueLength: number
  overflow: boolean
  overflowPage: number
  overflowChecksum: number
}

/** Sets a place from the reference that stands at `at`. */
export function placeOverflow(place: ValuePlace, bytes: Uint8Array, at: number): void {
  place.overflow = true
  place.overflowPage = readWord(bytes, at + OVERFLOW_PAGE_OFFSET)
  place.valueLength = readWord(bytes, at + OVERFLOW_LENGTH_OFFSET)
  place.overflowChecksum = readWord(bytes, at + OVERFLOW_CHECKSUM_OFFSET)
}
