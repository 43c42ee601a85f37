#!/usr/bin/env bash
# run.sh BUILD COMPILER BUILD_TYPE FLAGS: installs BUILD into a temporary folder, moves the installed tree, and builds and
# runs the project in this folder against it: find_package(gradus) must work wherever the tree lies, and needs no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source_root=$(cd "$here/../.." && pwd)
build=$1 compiler=$2 build_type=$3 flags=${4:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "example: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/moved"
moved=$work/moved

# No file that others compile or configure with may name this source tree, this build, or the place before the move.
for path in "$source_root" "$build" "$work/first"; do
  if grep -rnF "$path" "$moved" --include='*.cmake' --include='*.h'; then fail "the installed files name $path"; fi
done

awk '/^```cpp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$source_root/README.md" >"$work/first_gradient.cpp"
cmake -S "$here" -B "$work/build" -DREADME_PROGRAM="$work/first_gradient.cpp" -G Ninja -DCMAKE_PREFIX_PATH="$moved" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE="$build_type" -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work/configure.log" 2>&1 ||
  { cat "$work/configure.log"; fail "find_package(gradus) failed"; }
includes=$(grep -oE -e '-(I|isystem) *[^ ]+' "$work/build/compile_commands.json" | sort -u)
[[ $includes == *"$moved/include"* ]] || fail "the installed headers are not on the include path: $includes"
if grep -F -e "$source_root" -e "$build" <<<"$includes"; then fail "the source tree is on the include path"; fi
cmake --build "$work/build" -j 2 >"$work/build.log" 2>&1 || { cat "$work/build.log"; fail "the example does not build"; }
"$work/build/tensors_only" || fail "tensors_only failed"
"$work/build/example" || fail "the example failed"
first_gradient=$("$work/build/first_gradient") || fail "the program in README.md failed"
# e (1 + 1) = 5.44 and e (1 + 2) = 8.2 at x = 1
[[ $first_gradient == *5.44*8.2* ]] || fail "the program in README.md prints: $first_gradient"

# Each program starts with the OpenBLAS that it was linked with, not with the one that the machine's alternatives choose.
cmake --install "$work/build" --prefix "$work/installed" >/dev/null
blas_folder=$(sed -n 's/^OPENBLAS_LIBRARY:FILEPATH=\(.*\)\/[^/]*$/\1/p' "$build/CMakeCache.txt")
[ -n "$blas_folder" ] || fail "$build/CMakeCache.txt names no OpenBLAS"
for program in "$build/gradus" "$moved/bin/gradus" "$work/build/example" "$work/installed/bin/example"; do
  libraries=$(ldd "$program")
  [[ $libraries == *"libopenblas.so.0 => $blas_folder/"* ]] ||
    fail "$program does not start with the OpenBLAS in $blas_folder: $libraries"
done
"$moved/bin/gradus" --version
echo "example: installed, moved, found, built and run"
