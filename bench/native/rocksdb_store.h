// Native RocksDB as a store of works.h.
#pragma once

#include "common.h"
#include "rocksdb_options.h"
#include "works.h"

#include <memory>

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

namespace bench {

inline rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

class RocksStore {
 public:
  explicit RocksStore(const Arguments& arguments) {
    Options options = options_for(arguments.text("work", "writes"), arguments);
    // Room for everything that is written, so that all of it is still in the log when the process ends.
    if (arguments.flag("keep-log")) options.write_buffer_size = 1024 * MiB;
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options, arguments.text("directory", "") + "/bench.rocksdb", &db));
    db_.reset(db);
    const std::string level = arguments.text("level", "unsynced");
    write_.sync = level == "synced";
    write_.disableWAL = level == "logless";
  }

  void settle() {
    check(db_->Flush(rocksdb::FlushOptions()));
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    check(db_->CompactRange(all, nullptr, nullptr));
  }

  class Session {
   public:
    explicit Session(RocksStore& store) : db_(*store.db_), write_(store.write_) {}

    void put(uint64_t key, std::string_view value) {
      encode_key(key_, key);
      check(db_.Put(write_, rocksdb::Slice(key_, 8), slice(value)));
    }

    template <typename KeyOf, typename ValueOf>
    void batch(uint32_t begin, uint32_t end, KeyOf key_of, ValueOf value_of) {
      batch_.Clear();
      for (uint32_t i = begin; i < end; i++) {
        encode_key(key_, key_of(i));
        batch_.Put(rocksdb::Slice(key_, 8), slice(value_of(i)));
      }
      check(db_.Write(write_, &batch_));
    }

    bool get(uint64_t key) {
      encode_key(key_, key);
      value_.Reset();
      const rocksdb::Status status = db_.Get(read_, db_.DefaultColumnFamily(), rocksdb::Slice(key_, 8), &value_);
      if (status.IsNotFound()) return false;
      check(status);
      read_sink += value_.size() + static_cast<uint8_t>(value_.data()[0]);
      return true;
    }

    uint64_t range(uint64_t from, uint64_t limit) {
      encode_key(key_, from);
      const std::unique_ptr<rocksdb::Iterator> iterator(db_.NewIterator(read_));
      uint64_t seen = 0;
      for (iterator->Seek(rocksdb::Slice(key_, 8)); seen < limit && iterator->Valid(); iterator->Next()) {
        const rocksdb::Slice value = iterator->value();
        read_sink += static_cast<uint8_t>(iterator->key()[7]) + static_cast<uint8_t>(value[0]) + value.size();
        seen++;
      }
      check(iterator->status());
      return seen;
    }

   private:
    rocksdb::DB& db_;
    const rocksdb::WriteOptions write_;
    const rocksdb::ReadOptions read_;
    rocksdb::WriteBatch batch_;
    rocksdb::PinnableSlice value_;
    char key_[8];
  };

 private:
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteOptions write_;
};

}  // namespace bench
