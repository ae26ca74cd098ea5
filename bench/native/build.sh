#!/bin/sh
# Builds one native rival, rocksdb or lmdb, into build/. Exit status 3: the compiler or the library is missing.
set -eu
cd "$(dirname "$0")"

missing() {
  echo "$1 is missing" >&2
  exit 3
}
rival=$1
case $rival in
  rocksdb) header=rocksdb/version.h package=librocksdb-dev ;;
  lmdb) header=lmdb.h package=liblmdb-dev ;;
  *) echo "no native rival is called $rival" >&2 && exit 1 ;;
esac
command -v g++ >/dev/null 2>&1 || missing g++
echo "#include <$header>" | g++ -std=c++17 -E -x c++ - >/dev/null 2>&1 || missing "$package"

mkdir -p build
out=build/${rival}_bench
newer=$(find . -maxdepth 1 \( -name '*.cc' -o -name '*.h' -o -name build.sh \) -newer "$out" 2>/dev/null | head -n 1)
if [ ! -x "$out" ] || [ -n "$newer" ]; then
  # A temporary name, so that a build that was cut off is never taken for a program.
  g++ -O2 -std=c++17 -DNDEBUG -Wall -Wextra -o "$out.$$" "${rival}_bench.cc" "-l$rival" -lpthread
  mv "$out.$$" "$out"
fi
