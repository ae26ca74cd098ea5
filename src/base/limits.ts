/**
 * Every default and limit, in one place; the table in README.md is checked against it. Units stand last in a name.
 */
const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

/** Bytes of a page of the data file. Pages of 8 KiB beat 4 KiB by a third on random gets. */
export const PAGE_BYTES: number = 8 * KiB
/** The longest encoded key: a quarter of a page, so that every branch has at least three children. */
export const KEY_BYTES_MAX: number = 2 * KiB
/** The longest encoded value. */
export const VALUE_BYTES_MAX: number = 64 * MiB
/** The most bytes that one transaction may hold, over all its families. */
export const TRANSACTION_BYTES_MAX: number = 1 * GiB
/** The longest name of a column family or table, in UTF-8 bytes. */
export const NAME_BYTES_MAX: number = 255
/** The longest id of a codec, in UTF-8 bytes; that of a tuple holds those of its elements. */
export const CODEC_ID_BYTES_MAX: number = 1 * KiB
/** The highest id of a column family or table: ids are words in entries, read as signed numbers, and never used again. */
export const ID_MAX = 0x7fffffff
/** Positions and sequences are exact doubles. */
export const POSITION_MAX: number = Number.MAX_SAFE_INTEGER

/** Default of `writeBufferBytes`: all memtables, active and frozen, of all families together. */
export const WRITE_BUFFER_BYTES_DEFAULT: number = 256 * MiB
export const WRITE_BUFFER_BYTES_MIN: number = 1 * MiB
/** Default of `pageCacheBytes`. */
export const PAGE_CACHE_BYTES_DEFAULT: number = 128 * MiB
export const PAGE_CACHE_BYTES_MIN: number = 64 * PAGE_BYTES
/** Default of `journal.segmentBytes`: the size of a log segment, without its header block. */
export const SEGMENT_BYTES_DEFAULT: number = 16 * MiB
export const SEGMENT_BYTES_MIN: number = 64 * KiB
export const SEGMENT_BYTES_MAX: number = 1 * GiB
/** Default of `journal.pollIntervalMicros`. */
export const POLL_INTERVAL_MICROS_DEFAULT: number = 250
/** Default of `journal.maxDelayMicros`: an `eventual` commit is synced at the latest this long after it became visible. */
export const MAX_DELAY_MICROS_DEFAULT: number = 1000
