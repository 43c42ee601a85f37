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
name='["<]([^">/]*)'  # up to the first slash
wrong=0 seen=0
for folder in "${!may[@]}"; do
  [ -d "$folder" ] || continue
  while IFS=: read -r file line text; do
    seen=$((seen + 1))
    [[ $text =~ $name ]] && target=${BASH_REMATCH[1]}
    # <vector> and <nlohmann/json.hpp> are no folders of ours; what stands in quotes is, and is written from the root.
    [[ $text == *'<'* && -z ${may[$target]-} ]] && continue
    case " ${may[$folder]} " in
      *" $target "*) ;;
      *) echo "$file:$line: $folder/ must not include $target/: $text"; wrong=$((wrong + 1)) ;;
    esac
  done < <(grep -rnE --include='*.h' --include='*.cpp' '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' "$folder" || true)
done
echo "layering: $seen includes read, $wrong wrong"
[ "$seen" -gt 0 ] && [ "$wrong" -eq 0 ]
