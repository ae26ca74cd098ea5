#!/bin/sh
# Builds the native rivals into build/. Exit status 3: the compiler or the library is missing.
set -eu
cd "$(dirname "$0")"

missing() {
  echo "$1 is missing" >&2
  exit 3
}
command -v g++ >/dev/null 2>&1 || missing g++
echo '#include <rocksdb/version.h>' | g++ -std=c++17 -E -x c++ - >/dev/null 2>&1 || missing librocksdb-dev

mkdir -p build
out=build/rocksdb_bench
newer=$(find . -maxdepth 1 \( -name '*.cc' -o -name '*.h' -o -name build.sh \) -newer "$out" 2>/dev/null | head -n 1)
if [ ! -x "$out" ] || [ -n "$newer" ]; then
  # A temporary name, so that a build that was cut off is never taken for a program.
  g++ -O2 -std=c++17 -DNDEBUG -Wall -Wextra -o "$out.$$" rocksdb_bench.cc -lrocksdb -lpthread
  mv "$out.$$" "$out"
fi
