#!/bin/sh
# Builds the native rivals into build/. Exit status 3: the compiler or the library is missing.
set -eu
cd "$(dirname "$0")"

command -v g++ >/dev/null 2>&1 || { echo 'g++ is missing' >&2; exit 3; }
printf '#include <rocksdb/version.h>\n' | g++ -std=c++17 -E -x c++ - >/dev/null 2>&1 || { echo 'librocksdb-dev is missing' >&2; exit 3; }

mkdir -p build
out=build/rocksdb_bench
if [ ! -x "$out" ] || [ rocksdb_bench.cc -nt "$out" ] || [ common.h -nt "$out" ] || [ build.sh -nt "$out" ]; then
  # A temporary name, so that a build that was cut off is never taken for a program.
  g++ -O2 -std=c++17 -DNDEBUG -Wall -Wextra -o "$out.$$" rocksdb_bench.cc -lrocksdb -lpthread
  mv "$out.$$" "$out"
fi
