#!/usr/bin/env bash
# A folder includes only what lies to its left: tensor <- autograd <- nn <- pe <- train <- tools, tensor <- data <- train.
# Reads the #include lines; prints each wrong arrow and fails. `tests/layering.sh DIR` checks another tree.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"
declare -A may=(
  [tensor]="tensor"
  [autograd]="tensor autograd"
  [nn]="tensor autograd nn"
  [pe]="tensor autograd nn pe"
  [data]="tensor data"
  [train]="tensor autograd nn pe data train"
  [tools]="tensor autograd nn pe data train tools"
)
wrong=0 seen=0
for folder in "${!may[@]}"; do
  [ -d "$folder" ] || continue
  while IFS=: read -r file line text; do
    seen=$((seen + 1))
    target=$(sed -E 's/.*"([a-z]+)\/.*/\1/' <<<"$text")
    case " ${may[$folder]} " in
      *" $target "*) ;;
      *) echo "$file:$line: $folder/ must not include $target/: $text"; wrong=$((wrong + 1)) ;;
    esac
  done < <(grep -rnE --include='*.h' --include='*.cpp' '^#include "[a-z]+/' "$folder" || true)
done
echo "layering: $seen includes read, $wrong wrong"
[ "$seen" -gt 0 ] && [ "$wrong" -eq 0 ]
