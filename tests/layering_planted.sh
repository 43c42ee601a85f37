#!/usr/bin/env bash
# tests/layering.sh must refuse a wrong arrow, and name it; each is planted in a small tree of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "layering_planted: $*" >&2; exit 1; }

# tree FOLDER INCLUDE: a tree in which FOLDER/x.cpp has that line, beside a right one.
tree() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree/$1"
  printf '// A file.\n#include "tensor/array.h"\n%s\n' "$2" >"$work/tree/$1/x.cpp"
}

right=("autograd|#include \"autograd/var.h\"" "pe|#include \"nn/position.h\"" "train|#include \"data/roll.h\""
       "tools|#include \"train/train.h\"" "data|#include <vector>")
for arrow in "${right[@]}"; do
  tree "${arrow%%|*}" "${arrow#*|}"
  "$here/layering.sh" "$work/tree" >/dev/null || fail "refused a right arrow: $arrow"
done

wrong=("tensor|#include \"autograd/var.h\"" "tensor|#include \"data/roll.h\"" "autograd|#include \"nn/module.h\""
       "nn|#include \"pe/table.h\"" "pe|#include \"data/roll.h\"" "data|#include \"autograd/var.h\""
       "train|#include \"tools/commands.h\"" "tools|#include \"tests/helper.h\"" "tensor|  #  include  \"nn/module.h\""
       "tensor|#include <nn/module.h>" "tensor|#include \"../nn/module.h\"")
for arrow in "${wrong[@]}"; do
  tree "${arrow%%|*}" "${arrow#*|}"
  if out=$("$here/layering.sh" "$work/tree"); then fail "let a wrong arrow pass: $arrow"; fi
  [[ $out == *"${arrow%%|*}/x.cpp:3:"* ]] || fail "did not name the wrong arrow $arrow: $out"
done

mkdir "$work/empty"
if "$here/layering.sh" "$work/empty" >/dev/null; then fail "a tree without includes passed"; fi
echo "layering_planted: ${#right[@]} right arrows pass, ${#wrong[@]} wrong ones are named"
