# Sourced by tools/demo, tools/test and .ci/run: goes to the project's root, installs missing Debian packages, builds.
# Where packages cannot be installed it prints the one line to run, and stops.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

gradus_packages=(g++ cmake ninja-build libopenblas-pthread-dev libfmt-dev doctest-dev libcxxopts-dev
                 nlohmann-json3-dev libtomlplusplus-dev libkissfft-dev libboost-dev)

need_packages() {
  local missing=() p
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing+=("$p")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=()
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  echo "Installing Debian packages: ${missing[*]}"
  if { [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null; } &&
     { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null ||
       { "${sudo[@]}" apt-get update -qq &&
         "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }; }; then
    return 0
  fi
  echo "These packages could not be installed here. Please run:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 1
}

# build PRESET: configures and builds into build/PRESET.
build() {
  cmake --preset "$1" >/dev/null
  cmake --build --preset "$1"
}
