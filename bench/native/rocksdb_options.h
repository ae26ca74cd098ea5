// The configurations of native RocksDB: `--config=default` is RocksDB as its authors ship it, `--config=tuned` is
// what the workload asks for; the harness runs both and compares with the better one. Options beyond these two can be
// tried with `--db-options` and `--table-options`, in RocksDB's own syntax.
//
// What tuning never gives up, because Manifold has it too: the log is written for every batch, blocks carry checksums
// that are verified when a block is read from its file, the memtable is ordered, and snapshots are repeatable (which
// unordered_write would end).
#pragma once

#include "common.h"

#include <algorithm>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

namespace bench {

using rocksdb::Options;

constexpr size_t MiB = 1 << 20;

inline void check(const rocksdb::Status& status) {
  if (!status.ok()) fail("rocksdb: " + status.ToString());
}

inline rocksdb::BlockBasedTableOptions table_options_of(const Options& options) {
  return *options.table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
}

inline void set_table_options(Options& options, const rocksdb::BlockBasedTableOptions& table) {
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
}

/// Many threads on two cores: groups wide enough for all of them, log files reused, no flush in the middle. The threads
/// of a group insert in parallel, overlapped with the next group's log write, or one leader inserts for all.
inline void tune_for_writes(Options& options, bool pipelined) {
  options.recycle_log_file_num = 4;
  options.write_buffer_size = 256 * MiB;
  options.max_write_batch_group_size_bytes = 4 * MiB;
  options.enable_pipelined_write = pipelined;
  options.allow_concurrent_memtable_write = pipelined;
}

/// Everything in a warm cache, nothing to decompress, a hash index inside each block, keys stored whole, large pieces
/// of arena. Left out: the hash memtable (1.0 M gets a second, but not ordered) and memory-mapped files (0.5 M, outside
/// any memory budget).
inline void tune_for_gets(Options& options) {
  options.compression = rocksdb::kNoCompression;
  options.max_open_files = -1;
  options.write_buffer_size = 512 * MiB;
  options.arena_block_size = 64 * MiB;
  auto table = table_options_of(options);
  table.block_cache = rocksdb::NewLRUCache(512 * MiB, 6);
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.block_restart_interval = 1;
  table.format_version = 5;
  set_table_options(options, table);
}

/// Large blocks, so that the iterator changes its block seldom.
inline void tune_for_scans(Options& options) {
  options.compression = rocksdb::kNoCompression;
  options.max_open_files = -1;
  auto table = table_options_of(options);
  table.block_cache = rocksdb::NewLRUCache(512 * MiB, 0);
  table.block_size = 32 << 10;
  table.block_restart_interval = 1;
  table.format_version = 5;
  set_table_options(options, table);
}

/// Random keys for minutes, one writer, within a memory budget. More memory does not help: inserting into a skip list
/// of 88 or 128 MiB misses the processor's caches more often than compaction of small first-level files costs, so 32
/// MiB buffers and a wide first level are the fastest of what was tried; they stay far below the budget. Universal
/// compaction, merging buffers before a flush, and two writers were slower.
inline void tune_for_load(Options& options, size_t budget) {
  options.compression = rocksdb::kNoCompression;
  options.recycle_log_file_num = 4;
  options.write_buffer_size = std::min(32 * MiB, budget / 8);
  options.max_write_buffer_number = 6;
  options.level0_file_num_compaction_trigger = 12;
  options.level0_slowdown_writes_trigger = 40;
  options.level0_stop_writes_trigger = 60;
  options.target_file_size_base = 64 * MiB;
  options.max_bytes_for_level_base = 512 * MiB;
}

inline Options options_for(const std::string& work, const Arguments& arguments) {
  Options options;
  options.create_if_missing = true;
  const std::string config = arguments.text("config", "default");
  if (config == "tuned") {
    // Random keys gain from inserting in parallel; ordered ones from one leader, while the neighbours in the skip list
    // are still in its cache (1.1 against 0.65 M entries a second).
    if (work == "cf") tune_for_writes(options, arguments.text("order", "ordered") == "random");
    if (work == "get") tune_for_gets(options);
    if (work == "scan") tune_for_scans(options);
    if (work == "load") tune_for_load(options, arguments.number("memory-mb", 700) * MiB);
    if (work == "reads") tune_for_gets(options);
    if (work == "reopen") options.avoid_flush_during_recovery = true;
  } else if (config == "pipelined" || config == "serial") {
    tune_for_writes(options, config == "pipelined");
  } else if (config != "default") {
    fail("--config is default, tuned, pipelined or serial");
  }
  rocksdb::ConfigOptions parsing;
  const std::string table_text = arguments.text("table-options", "");
  if (!table_text.empty()) {
    rocksdb::BlockBasedTableOptions table;
    check(rocksdb::GetBlockBasedTableOptionsFromString(parsing, table_options_of(options), table_text, &table));
    set_table_options(options, table);
  }
  const Options base = options;
  check(rocksdb::GetOptionsFromString(parsing, base, arguments.text("db-options", ""), &options));
  return options;
}

}  // namespace bench
