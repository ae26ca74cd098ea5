// What bench/src/tasks/writes.ts, reads.ts and reopen.ts do, for a native store. A store is a class with
//
//   explicit Store(const Arguments&)         opens it, and creates it where there is none
//   void settle()                            brings everything into the form in which a long-lived database holds it
//   class Store::Session(Store&)             what one thread uses:
//     void put(key, value)                   acknowledged as `--level` asks for
//     void batch(begin, end, key_of, value_of)
//     bool get(key)                          whether it is there; its bytes go into `read_sink`
//     uint64_t range(from, limit)            how many entries there were
#pragma once

#include "common.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <limits>
#include <thread>

#include <unistd.h>

namespace bench {

/// The sum of everything read: without a use the compiler could drop the reads.
inline thread_local uint64_t read_sink = 0;

using Clock = std::chrono::steady_clock;

inline double millis_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

/// Fills stream 0 up to `entries`, in transactions of 1,000.
template <typename Store>
void fill(Store& store, uint32_t entries, const Values& values) {
  typename Store::Session session(store);
  for (uint32_t begin = 0; begin < entries; begin += 1000) {
    session.batch(
        begin, std::min(entries, begin + 1000), [](uint32_t i) { return key_at(0, i, true); },
        [&](uint32_t i) { return values.at(0, i); });
  }
}

struct Window {
  Clock::time_point begin;
  Clock::time_point end;
  uint64_t turns;
};

struct Thread {
  std::vector<double> millis;
  Clock::time_point last;
};

/// Turns taken one by one until the window ends; those that end inside of it are counted.
inline void take_turns(const Window& window, std::atomic<uint64_t>& turn, Thread& thread,
                       const std::function<void(uint32_t)>& step) {
  Clock::time_point began = Clock::now();
  while (began < window.end) {
    const uint64_t own = turn++;
    if (own >= window.turns) break;
    step(static_cast<uint32_t>(own));
    const Clock::time_point now = Clock::now();
    if (now >= window.begin) {
      thread.millis.push_back(millis_between(began, now));
      thread.last = now;
    }
    began = now;
  }
}

/// The step of one thread: a transaction of `--batch` entries, or a get and an overwriting put in turn.
template <typename Session>
std::function<void(uint32_t)> step_of(Session& session, const Arguments& arguments, const Values& values) {
  const uint32_t batch = static_cast<uint32_t>(arguments.number("batch", 1));
  const uint32_t mixed_over = static_cast<uint32_t>(arguments.number("mixed-over", 0));
  const bool random = arguments.text("order", "random") == "random";
  const auto key_of = [random](uint32_t i) { return key_at(0, i, random); };
  const auto value_of = [&values](uint32_t i) { return values.at(0, i); };
  if (mixed_over > 0) {
    return [=, &session](uint32_t turn) {
      const uint64_t key = key_of(mix32(turn) % mixed_over);
      if (turn % 2 == 1) {
        session.put(key, value_of(turn));
      } else if (!session.get(key)) {
        fail("a key is missing");
      }
    };
  }
  if (batch == 1) return [=, &session](uint32_t turn) { session.put(key_of(turn), value_of(turn)); };
  return [=, &session](uint32_t turn) { session.batch(turn * batch, (turn + 1) * batch, key_of, value_of); };
}

template <typename Store>
void writes(const Arguments& arguments) {
  Store store(arguments);
  const Values values(arguments.number("value", 150));
  const uint32_t writers = static_cast<uint32_t>(arguments.number("writers", 1));
  const uint32_t batch = static_cast<uint32_t>(arguments.number("batch", 1));
  const uint64_t entries = arguments.number("entries", 0);
  const uint32_t mixed_over = static_cast<uint32_t>(arguments.number("mixed-over", 0));
  if (mixed_over > 0) {
    fill(store, mixed_over, values);
    store.settle();
  }
  std::vector<Thread> results(writers);
  std::vector<std::thread> threads;
  std::atomic<uint64_t> turn{0};
  const auto millis = [&](const char* name) { return std::chrono::milliseconds(arguments.number(name, 1000)); };
  const Clock::time_point now = Clock::now();
  const Window by_time{now + millis("warm"), now + millis("warm") + millis("milliseconds"),
                       std::numeric_limits<uint64_t>::max()};
  const Window window = entries == 0 ? by_time : Window{now, Clock::time_point::max(), (entries + batch - 1) / batch};
  for (Thread& result : results) {
    threads.emplace_back([&] {
      typename Store::Session session(store);
      take_turns(window, turn, result, step_of(session, arguments, values));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  Clock::time_point last = window.begin;
  for (const Thread& result : results) {
    all.insert(all.end(), result.millis.begin(), result.millis.end());
    if (!result.millis.empty()) last = std::max(last, result.last);
  }
  std::sort(all.begin(), all.end());
  const auto percentile = [&](double share) {
    return all[std::min(all.size() - 1, static_cast<size_t>(share * static_cast<double>(all.size())))] * 1000;
  };
  const double seconds = millis_between(window.begin, last) / 1000;
  Result()
      .add("entriesPerSecond", static_cast<double>(all.size() * batch) / seconds)
      .add("seconds", seconds)
      .add("p50", percentile(0.5))
      .add("p99", percentile(0.99))
      .add("p999", percentile(0.999))
      .print();
}

/// Operations per second over all keys, again and again, after as many as a third of the time holds.
inline double rate_over(const std::vector<uint64_t>& keys, double millis, const std::function<void(uint64_t)>& read) {
  size_t position = 0;
  const auto during = [&](double limit) {
    const Clock::time_point begin = Clock::now();
    for (uint64_t count = 0;;) {
      for (int i = 0; i < 100; i++) {
        read(keys[position]);
        position = position + 1 == keys.size() ? 0 : position + 1;
      }
      count += 100;
      const double elapsed = millis_between(begin, Clock::now());
      if (elapsed >= limit) return static_cast<double>(count) * 1000 / elapsed;
    }
  };
  during(millis / 3);
  return during(millis);
}

template <typename Store>
void reads(const Arguments& arguments) {
  constexpr uint64_t kRangeEntries = 100;
  const uint32_t entries = static_cast<uint32_t>(arguments.number("entries", 200'000));
  const double millis = static_cast<double>(arguments.number("milliseconds", 1000));
  Store store(arguments);
  fill(store, entries, Values(arguments.number("value", 150)));
  store.settle();
  typename Store::Session session(store);
  const std::vector<uint64_t> present = lookups_of(entries);
  const double hits = rate_over(present, millis, [&](uint64_t key) {
    if (!session.get(key)) fail("a key is missing");
  });
  const double misses = rate_over(keys_of(1, entries, true), millis, [&](uint64_t key) {
    if (session.get(key)) fail("a key is there that never was");
  });
  const double ranges = rate_over(present, millis, [&](uint64_t key) { session.range(key, kRangeEntries); });
  const auto scan = [&] {
    if (session.range(0, UINT64_MAX) != entries) fail("a full range did not see every entry");
  };
  scan();
  const Clock::time_point begin = Clock::now();
  double elapsed = 0;
  uint64_t passes = 0;
  do {
    scan();
    passes++;
    elapsed = millis_between(begin, Clock::now());
  } while (elapsed < millis);
  Result()
      .add("hits", hits)
      .add("misses", misses)
      .add("ranges", ranges * kRangeEntries)
      .add("scanned", static_cast<double>(entries * passes) * 1000 / elapsed)
      .print();
}

/// Leaves a closed database, or what a killed process leaves.
template <typename Store>
void leave(const Arguments& arguments, bool killed) {
  Store store(arguments);
  fill(store, static_cast<uint32_t>(arguments.number("entries", 0)), Values(arguments.number("value", 150)));
  if (killed) ::kill(::getpid(), SIGKILL);
  Result().print();
}

/// Opens until the last entry that was written has been read.
template <typename Store>
void reopen(const Arguments& arguments) {
  const Clock::time_point begin = Clock::now();
  Store store(arguments);
  typename Store::Session session(store);
  const uint32_t last = static_cast<uint32_t>(arguments.number("entries", 0)) - 1;
  if (!session.get(key_at(0, last, true))) fail("the last entry is lost");
  Result().add("millis", millis_between(begin, Clock::now())).print();
}

/// Whether there is such a command.
template <typename Store>
bool run_work(const std::string& command, const Arguments& arguments) {
  if (command == "writes") {
    writes<Store>(arguments);
  } else if (command == "reads") {
    reads<Store>(arguments);
  } else if (command == "closed" || command == "killed") {
    leave<Store>(arguments, command == "killed");
  } else if (command == "reopen") {
    reopen<Store>(arguments);
  } else {
    return false;
  }
  if (read_sink == 1) std::fprintf(stderr, "\n");
  return true;
}

}  // namespace bench
