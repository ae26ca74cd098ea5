// Native LMDB on the works of works.h: `lmdb_bench <writes|reads|closed|killed|reopen|version> --name=value ...`.

#include "common.h"
#include "works.h"

#include <lmdb.h>

using namespace bench;

namespace {

void check(int code) {
  if (code != MDB_SUCCESS) fail(std::string("lmdb: ") + mdb_strerror(code));
}

/// Threads take turns at LMDB's one writer lock; each of their commits is a sync of its own where `--level=synced`. Its
/// own copy for each thread of a reader's slot is renewed for each read, so that every read sees the newest state.
class LmdbStore {
 public:
  explicit LmdbStore(const Arguments& arguments) {
    const std::string directory = arguments.text("directory", "");
    check(mdb_env_create(&env_));
    check(mdb_env_set_mapsize(env_, size_t{64} << 30));
    check(mdb_env_set_maxreaders(env_, 1024));
    const bool synced = arguments.text("level", "unsynced") == "synced";
    check(mdb_env_open(env_, (directory + "/bench.mdb").c_str(), MDB_NOSUBDIR | (synced ? 0 : MDB_NOSYNC), 0600));
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    check(mdb_dbi_open(txn, nullptr, 0, &dbi_));
    check(mdb_txn_commit(txn));
  }

  ~LmdbStore() { mdb_env_close(env_); }
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  void settle() {}

  class Session {
   public:
    explicit Session(LmdbStore& store) : env_(store.env_), dbi_(store.dbi_) {
      check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader_));
      mdb_txn_reset(reader_);
    }
    ~Session() { mdb_txn_abort(reader_); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void put(uint64_t key, std::string_view value) {
      batch(0, 1, [=](uint32_t) { return key; }, [=](uint32_t) { return value; });
    }

    template <typename KeyOf, typename ValueOf>
    void batch(uint32_t begin, uint32_t end, KeyOf key_of, ValueOf value_of) {
      MDB_txn* txn = nullptr;
      check(mdb_txn_begin(env_, nullptr, 0, &txn));
      for (uint32_t i = begin; i < end; i++) {
        MDB_val key = key_val(key_of(i));
        const std::string_view text = value_of(i);
        MDB_val value{text.size(), const_cast<char*>(text.data())};
        check(mdb_put(txn, dbi_, &key, &value, 0));
      }
      check(mdb_txn_commit(txn));
    }

    bool get(uint64_t number) {
      check(mdb_txn_renew(reader_));
      MDB_val key = key_val(number);
      MDB_val value;
      const int code = mdb_get(reader_, dbi_, &key, &value);
      if (code == MDB_SUCCESS) {
        // A copy, because the view ends with the transaction.
        copy_.assign(static_cast<const char*>(value.mv_data), value.mv_size);
        read_sink += copy_.size() + static_cast<uint8_t>(copy_[0]);
      } else if (code != MDB_NOTFOUND) {
        check(code);
      }
      mdb_txn_reset(reader_);
      return code == MDB_SUCCESS;
    }

    uint64_t range(uint64_t from, uint64_t limit) {
      check(mdb_txn_renew(reader_));
      MDB_cursor* cursor = nullptr;
      check(mdb_cursor_open(reader_, dbi_, &cursor));
      MDB_val key = key_val(from);
      MDB_val value;
      uint64_t seen = 0;
      int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
      while (code == MDB_SUCCESS && seen < limit) {
        read_sink += static_cast<const uint8_t*>(key.mv_data)[7] + static_cast<const uint8_t*>(value.mv_data)[0] +
                     value.mv_size;
        seen++;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
      }
      if (code != MDB_SUCCESS && code != MDB_NOTFOUND) check(code);
      mdb_cursor_close(cursor);
      mdb_txn_reset(reader_);
      return seen;
    }

   private:
    MDB_val key_val(uint64_t number) {
      encode_key(key_, number);
      return {8, key_};
    }

    MDB_env* env_;
    MDB_dbi dbi_;
    MDB_txn* reader_ = nullptr;
    std::string copy_;
    char key_[8];
  };

 private:
  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const Arguments arguments(argc, argv);
  if (command == "version") {
    Result().add("version", std::to_string(MDB_VERSION_MAJOR) + "." + std::to_string(MDB_VERSION_MINOR) + "." +
                                std::to_string(MDB_VERSION_PATCH)).print();
  } else if (!run_work<LmdbStore>(command, arguments)) {
    fail("usage: lmdb_bench writes|reads|closed|killed|reopen|version --directory=... [--name=value ...]");
  }
  return 0;
}
