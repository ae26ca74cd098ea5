// Native RocksDB on the workloads of this package: `rocksdb_bench <command> --name=value ...`.
//
// Each subcommand measures inside the process and prints one JSON line. rocksdb_options.h has the configurations.

#include "common.h"
#include "rocksdb_options.h"
#include "rocksdb_store.h"
#include "works.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include <rocksdb/db.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

using namespace bench;
using rocksdb::ColumnFamilyHandle;
using rocksdb::DB;
using rocksdb::Options;
using rocksdb::Slice;
using rocksdb::Status;

namespace {

std::unique_ptr<DB> open_fresh(const Options& options, const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  DB* db = nullptr;
  check(DB::Open(options, directory, &db));
  return std::unique_ptr<DB>(db);
}

std::string directory_of(const Arguments& arguments) {
  const std::string directory = arguments.text("directory", "");
  if (directory.empty()) fail("--directory is missing");
  return directory;
}

// ---- cf: the column-family benchmark --------------------------------------------------------------------------------

struct FamilyWork {
  ColumnFamilyHandle* handle;
  uint32_t stream;
  std::vector<uint64_t> keys;
};

void write_family(DB& db, const FamilyWork& work, const Values& values, uint32_t batch_entries, bool sync) {
  rocksdb::WriteOptions write;
  write.sync = sync;
  rocksdb::WriteBatch batch;
  char key[8];
  const uint32_t count = static_cast<uint32_t>(work.keys.size());
  for (uint32_t i = 0; i < count;) {
    batch.Clear();
    for (const uint32_t end = std::min(count, i + batch_entries); i < end; i++) {
      encode_key(key, work.keys[i]);
      batch.Put(work.handle, Slice(key, 8), slice(values.at(work.stream, i)));
    }
    check(db.Write(write, &batch));
  }
}

/// Seconds from the moment all threads are let go until the last one has its last batch acknowledged.
double write_all(DB& db, const std::vector<FamilyWork>& works, const Values& values, uint32_t batch_entries,
                 bool sync) {
  std::atomic<bool> go{false};
  std::atomic<size_t> ready{0};
  std::vector<std::thread> threads;
  for (const FamilyWork& work : works) {
    threads.emplace_back([&] {
      ready++;
      while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
      write_family(db, work, values, batch_entries, sync);
    });
  }
  while (ready.load() < works.size()) std::this_thread::yield();
  const Stopwatch watch;
  go.store(true, std::memory_order_release);
  for (std::thread& thread : threads) thread.join();
  return watch.seconds();
}

/// One repetition on a fresh database. With `warm_log` the log files are recycled ones, as in a database that has been
/// running.
double column_families_once(const Arguments& arguments, const Options& options, const Values& values) {
  const uint32_t families = static_cast<uint32_t>(arguments.number("families", 8));
  const uint32_t writes = static_cast<uint32_t>(arguments.number("writes", 50'000));
  const uint32_t batch_entries = static_cast<uint32_t>(arguments.number("batch", 1000));
  const bool sync = arguments.flag("sync");
  const bool random = arguments.text("order", "ordered") == "random";
  const std::unique_ptr<DB> db = open_fresh(options, directory_of(arguments));
  std::vector<FamilyWork> works;
  for (uint32_t family = 0; family < families; family++) {
    ColumnFamilyHandle* handle = nullptr;
    check(db->CreateColumnFamily(options, "family-" + std::to_string(family), &handle));
    works.push_back({handle, family, keys_of(family, writes, random)});
  }
  if (arguments.flag("warm-log")) {
    for (int round = 0; round < 2; round++) {
      write_all(*db, works, values, batch_entries, false);
      std::vector<ColumnFamilyHandle*> handles;
      for (const FamilyWork& work : works) handles.push_back(work.handle);
      check(db->Flush(rocksdb::FlushOptions(), handles));
    }
  }
  const double seconds = write_all(*db, works, values, batch_entries, sync);
  for (const FamilyWork& work : works) check(db->DestroyColumnFamilyHandle(work.handle));
  return seconds;
}

void column_families(const Arguments& arguments) {
  const Options options = options_for("cf", arguments);
  const Values values(arguments.number("value", 150));
  const double entries = static_cast<double>(arguments.number("families", 8) * arguments.number("writes", 50'000));
  const double seconds_min = static_cast<double>(arguments.number("milliseconds", 1000)) / 1000;
  // Not counted: the first repetitions meet cold memory and a cold allocator.
  for (double warmed = 0; warmed < 0.5;) warmed += column_families_once(arguments, options, values);
  std::vector<double> rates;
  double sum = 0;
  while (sum < seconds_min) {
    const double seconds = column_families_once(arguments, options, values);
    sum += seconds;
    rates.push_back(entries / seconds);
  }
  Result().add("entriesPerSecond", entries * static_cast<double>(rates.size()) / sum).add("repetitions", rates).print();
}

// ---- get and scan ---------------------------------------------------------------------------------------------------

/// A database of `--entries` random keys, either all in the memtable or all in fully compacted files.
std::unique_ptr<DB> filled(const Arguments& arguments, const Options& options, bool in_files) {
  std::unique_ptr<DB> db = open_fresh(options, directory_of(arguments));
  ColumnFamilyHandle* family = db->DefaultColumnFamily();
  const uint32_t entries = static_cast<uint32_t>(arguments.number("entries", 400'000));
  const Values values(arguments.number("value", 150));
  write_family(*db, {family, 0, keys_of(0, entries, true)}, values, 1000, false);
  if (in_files) {
    check(db->Flush(rocksdb::FlushOptions()));
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    check(db->CompactRange(all, nullptr, nullptr));
  }
  return db;
}

/// Calls `pass` until `seconds_min` are measured, after one pass that warms the caches; returns units per second.
template <typename Pass>
double measure(double seconds_min, uint64_t units_per_pass, Pass pass) {
  pass(UINT64_MAX);
  const Stopwatch watch;
  double seconds = 0;
  uint64_t passes = 0;
  do {
    pass(passes++);
    seconds = watch.seconds();
  } while (seconds < seconds_min);
  return static_cast<double>(units_per_pass * passes) / seconds;
}

uint64_t sink = 0;

void gets(const Arguments& arguments) {
  Options options = options_for("get", arguments);
  const bool in_files = arguments.text("from", "files") == "files";
  // A default write buffer would flush in the middle of 400,000 entries, and the row asks for a memtable.
  if (!in_files) options.write_buffer_size = std::max<size_t>(options.write_buffer_size, 512 * MiB);
  const std::unique_ptr<DB> db = filled(arguments, options, in_files);
  ColumnFamilyHandle* family = db->DefaultColumnFamily();
  const uint32_t entries = static_cast<uint32_t>(arguments.number("entries", 400'000));
  const double seconds_min = static_cast<double>(arguments.number("milliseconds", 1000)) / 1000;
  const std::vector<uint64_t> lookups = lookups_of(entries);
  const rocksdb::ReadOptions read;
  char key[8];
  rocksdb::PinnableSlice pinned;
  const double pinned_rate = measure(seconds_min, entries, [&](uint64_t) {
    for (const uint64_t number : lookups) {
      encode_key(key, number);
      check(db->Get(read, family, Slice(key, 8), &pinned));
      sink += pinned.size() + static_cast<uint8_t>(pinned.data()[0]);
      pinned.Reset();
    }
  });
  std::string copy;
  const double copied_rate = measure(seconds_min, entries, [&](uint64_t) {
    for (const uint64_t number : lookups) {
      encode_key(key, number);
      check(db->Get(read, family, Slice(key, 8), &copy));
      sink += copy.size() + static_cast<uint8_t>(copy[0]);
    }
  });
  Result()
      .add("getsPerSecond", std::max(pinned_rate, copied_rate))
      .add("pinnedPerSecond", pinned_rate)
      .add("copiedPerSecond", copied_rate)
      .print();
}

void scan(const Arguments& arguments) {
  const Options options = options_for("scan", arguments);
  const std::unique_ptr<DB> db = filled(arguments, options, true);
  const uint64_t entries = arguments.number("entries", 400'000);
  const double seconds_min = static_cast<double>(arguments.number("milliseconds", 1000)) / 1000;
  const rocksdb::ReadOptions read;
  const double rate = measure(seconds_min, entries, [&](uint64_t) {
    uint64_t seen = 0;
    const std::unique_ptr<rocksdb::Iterator> iterator(db->NewIterator(read));
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
      const Slice key = iterator->key();
      const Slice value = iterator->value();
      sink += static_cast<uint8_t>(key[7]) + static_cast<uint8_t>(value[0]) + value.size();
      seen++;
    }
    check(iterator->status());
    if (seen != entries) fail("rocksdb: the iterator saw " + std::to_string(seen) + " entries");
  });
  Result().add("entriesPerSecond", rate).print();
}

// ---- load -----------------------------------------------------------------------------------------------------------

void load_range(DB& db, uint32_t begin, uint32_t end, uint32_t batch_entries, const Values& values) {
  const rocksdb::WriteOptions write;
  rocksdb::WriteBatch batch;
  char key[8];
  for (uint32_t i = begin; i < end;) {
    batch.Clear();
    for (const uint32_t stop = std::min(end, i + batch_entries); i < stop; i++) {
      encode_key(key, key_at(0, i, true));
      batch.Put(Slice(key, 8), slice(values.at(0, i)));
    }
    check(db.Write(write, &batch));
  }
}

uint64_t property(DB& db, const std::string& name) {
  uint64_t value = 0;
  if (!db.GetIntProperty(name, &value)) fail("rocksdb: no property " + name);
  return value;
}

void wait_for_background(DB& db) {
  int idle = 0;
  while (idle < 5) {
    const uint64_t flushes =
        property(db, DB::Properties::kMemTableFlushPending) + property(db, DB::Properties::kNumRunningFlushes);
    const uint64_t compactions =
        property(db, DB::Properties::kCompactionPending) + property(db, DB::Properties::kNumRunningCompactions);
    idle = flushes + compactions == 0 ? idle + 1 : 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void load(const Arguments& arguments) {
  const Options options = options_for("load", arguments);
  const std::string directory = directory_of(arguments);
  const uint32_t entries = static_cast<uint32_t>(arguments.number("entries", 10'000'000));
  const uint32_t batch_entries = static_cast<uint32_t>(arguments.number("batch", 1000));
  const uint32_t writers = static_cast<uint32_t>(arguments.number("writers", 1));
  const size_t value_bytes = arguments.number("value", 150);
  const Values values(value_bytes);
  std::unique_ptr<DB> db = open_fresh(options, directory);
  const uint64_t written_before = written_bytes();
  const Stopwatch watch;
  std::vector<std::thread> threads;
  for (uint32_t writer = 0; writer < writers; writer++) {
    const uint32_t begin = static_cast<uint32_t>(static_cast<uint64_t>(entries) * writer / writers);
    const uint32_t end = static_cast<uint32_t>(static_cast<uint64_t>(entries) * (writer + 1) / writers);
    threads.emplace_back([&, begin, end] { load_range(*db, begin, end, batch_entries, values); });
  }
  for (std::thread& thread : threads) thread.join();
  const double write_seconds = watch.seconds();
  check(db->Flush(rocksdb::FlushOptions()));
  const double flush_seconds = watch.seconds();
  wait_for_background(*db);
  const double settled_seconds = watch.seconds();
  const uint64_t estimated_keys = property(*db, DB::Properties::kEstimateNumKeys);
  check(db->Close());
  db.reset();
  const double logical_bytes = static_cast<double>(entries) * static_cast<double>(8 + value_bytes);
  Result()
      .add("writeSeconds", write_seconds)
      .add("flushedSeconds", flush_seconds)
      .add("settledSeconds", settled_seconds)
      .add("estimatedKeys", static_cast<double>(estimated_keys))
      .add("peakRssBytes", static_cast<double>(peak_rss_bytes()))
      .add("writtenBytes", static_cast<double>(written_bytes() - written_before))
      .add("diskBytes", static_cast<double>(disk_bytes(directory)))
      .add("logicalBytes", logical_bytes)
      .print();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const Arguments arguments(argc, argv);
  if (command == "version") {
    Result().add("version", rocksdb::GetRocksVersionAsString(true)).print();
  } else if (command == "cf") {
    column_families(arguments);
  } else if (command == "get") {
    gets(arguments);
  } else if (command == "scan") {
    scan(arguments);
  } else if (command == "load") {
    load(arguments);
  } else if (run_work<RocksStore>(command, arguments)) {
    // Its directory is the harness's, which may open it again.
    return 0;
  } else {
    fail("usage: rocksdb_bench cf|get|scan|load|writes|reads|closed|killed|reopen|version --directory=... [...]");
  }
  const std::string directory = arguments.text("directory", "");
  if (!directory.empty()) std::filesystem::remove_all(directory);
  // The sums of everything read: without a use the compiler could drop the reads.
  if (sink == 1) std::fprintf(stderr, "\n");
  return 0;
}
