// What every native rival shares: arguments, the workload's keys and values, clocks, and what the kernel says of this
// process.
//
// Keys and values are functions of (stream, index) alone, and bench/src/workload.ts computes the same ones, so that all
// contestants write the same bytes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace bench {

[[noreturn]] inline void fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

/// `--name=value` arguments behind the subcommand.
class Arguments {
 public:
  Arguments(int argc, char** argv) {
    for (int i = 2; i < argc; i++) {
      const std::string_view text = argv[i];
      const size_t equals = text.find('=');
      if (text.substr(0, 2) != "--" || equals == std::string_view::npos) {
        fail("expected --name=value, got " + std::string(text));
      }
      values_[std::string(text.substr(2, equals - 2))] = text.substr(equals + 1);
    }
  }

  std::string text(const std::string& name, const std::string& otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }

  uint64_t number(const std::string& name, uint64_t otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 10);
  }

  bool flag(const std::string& name) const { return text(name, "0") == "1"; }

 private:
  std::map<std::string, std::string> values_;
};

/// A bijection of 32-bit words that leaves no order behind.
inline uint32_t mix32(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  return h ^ (h >> 16);
}

/// The key at `index` of a stream, below 2^53. Random keys of one stream are distinct because their low word is a
/// bijection of the index.
inline uint64_t key_at(uint32_t stream, uint32_t index, bool random) {
  if (!random) return index;
  const uint32_t low = mix32(index ^ mix32(stream + 1));
  return static_cast<uint64_t>(mix32(low + 0x9e3779b9u) >> 11) << 32 | low;
}

inline std::vector<uint64_t> keys_of(uint32_t stream, uint32_t count, bool random) {
  std::vector<uint64_t> keys(count);
  for (uint32_t i = 0; i < count; i++) keys[i] = key_at(stream, i, random);
  return keys;
}

/// Keys to look up: every index once, in an order unlike that of insertion and of the keys.
inline std::vector<uint64_t> lookups_of(uint32_t entries) {
  std::vector<uint64_t> keys = keys_of(0, entries, true);
  uint32_t state = 1;
  for (uint32_t i = entries - 1; i > 0; i--) {
    state = state * 1664525u + 1013904223u;
    std::swap(keys[i], keys[static_cast<uint64_t>(state) * (i + 1) >> 32]);
  }
  return keys;
}

/// Big-endian, so that the order of bytes is the order of numbers.
inline void encode_key(char* out, uint64_t key) {
  const uint64_t swapped = __builtin_bswap64(key);
  std::memcpy(out, &swapped, 8);
}

/// Incompressible values, taken in turn: compression would compare codecs, not engines.
class Values {
 public:
  static constexpr size_t kCountMax = 1024;
  static constexpr size_t kPoolBytes = 16 << 20;

  explicit Values(size_t bytes)
      : bytes_(bytes), count_(std::min(kCountMax, std::max<size_t>(1, kPoolBytes / bytes))), pool_(bytes * count_) {
    for (size_t i = 0; i < pool_.size(); i++) pool_[i] = static_cast<char>(mix32(static_cast<uint32_t>(i)));
  }

  std::string_view at(uint32_t stream, uint32_t index) const {
    return {pool_.data() + ((index + stream * 131) % count_) * bytes_, bytes_};
  }

 private:
  size_t bytes_;
  size_t count_;
  std::vector<char> pool_;
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// A numeric field of a file of lines `name: number`, as /proc/self/status and /proc/self/io have them.
inline uint64_t proc_field(const char* path, const std::string& name) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(name + ":", 0) == 0) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10);
  }
  return 0;
}

inline uint64_t peak_rss_bytes() { return proc_field("/proc/self/status", "VmHWM") * 1024; }
inline uint64_t written_bytes() { return proc_field("/proc/self/io", "write_bytes"); }

/// Blocks that the files of a directory occupy, in bytes.
inline uint64_t disk_bytes(const std::string& directory) {
  uint64_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat status;
    if (entry.is_regular_file() && stat(entry.path().c_str(), &status) == 0) {
      sum += static_cast<uint64_t>(status.st_blocks) * 512;
    }
  }
  return sum;
}

/// One flat JSON object on one line, the result of a run.
class Result {
 public:
  Result& add(const char* name, double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.17g", value);
    return raw(name, text);
  }
  Result& add(const char* name, const std::string& value) { return raw(name, "\"" + value + "\""); }
  Result& add(const char* name, const std::vector<double>& values) {
    std::string text = "[";
    for (const double value : values) {
      char number[64];
      std::snprintf(number, sizeof number, "%s%.17g", text.size() > 1 ? "," : "", value);
      text += number;
    }
    return raw(name, text + "]");
  }
  void print() const { std::printf("{%s}\n", text_.c_str()); }

 private:
  Result& raw(const char* name, const std::string& value) {
    text_ += (text_.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
    return *this;
  }

  std::string text_;
};

}  // namespace bench
