# SPDX-License-Identifier: Apache-2.0
# Sourced by ./quickstart and ./check: installs what is missing, and says what and why.

# package | how to see that it is there | what it is for
requirements_build='
g++ | command g++ | compiler
cmake | command cmake | build system
ninja-build | command ninja | build system
libeigen3-dev | header eigen3/Eigen/Core Eigen/Core | reference matrix products
libboost-dev | header boost/hana/tuple.hpp | reflection of configurations (Boost.Hana)
libtomlplusplus-dev | header toml++/toml.h | experiment files
nlohmann-json3-dev | header nlohmann/json.hpp | checkpoints and results
libpcre2-dev | header pcre2.h | regular expressions of tokenizer.json
libutf8proc-dev | header utf8proc.h | Unicode normal form of tokenizer.json
libcli11-dev | header CLI/CLI.hpp | command line of the runner
python3 | command python3 | preparing data, checks
'
requirements_test='
catch2 | header catch2/catch.hpp | unit tests
clang | command clang++ | the second compiler
libclang-rt-14-dev | sanitizer | address and undefined-behaviour sanitizers
clang-format | command clang-format | format check
ccache | command ccache | shorter rebuilds
pkgconf | command pkg-config | test of the pkg-config file
strace | command strace | crash tests of checkpoints
qemu-user | command qemu-x86_64 | kernels on processors that this one is not
binutils | command objdump | which instructions stand in which kernels
chromium | browser | test of the report in a browser
'

is_there() {
  local kind=$1 name folder search_path=${CPATH:-}
  shift
  case $kind in
    command) command -v "$1" >/dev/null ;;
    browser) command -v chromium >/dev/null || command -v google-chrome >/dev/null ;;
    sanitizer)
      command -v clang++ >/dev/null &&
        [ -e "$(clang++ -print-file-name="libclang_rt.asan-$(uname -m).a")" ]
      ;;
    header)
      for name in "$@"; do
        for folder in /usr/include /usr/local/include /opt/homebrew/include ${search_path//:/ }; do
          [ -e "$folder/$name" ] && return 0
        done
      done
      return 1
      ;;
  esac
}

# Sets `missing` to the packages of the lists that are not there, and `why` to a line about each.
find_missing() {
  local package test purpose
  missing=() why=
  while IFS='|' read -r package test purpose; do
    package=${package// /}
    [ -n "$package" ] || continue
    # shellcheck disable=SC2086  # the words of a test are its arguments
    is_there $test && continue
    missing+=("$package")
    why+=$(printf '  %-20s%s' "$package" "$purpose")$'\n'
  done <<<"$*"
}

# install_missing LIST...: afterwards everything is there, or the script ends and says what is not.
install_missing() {
  local missing why as_root=()
  find_missing "$@"
  [ ${#missing[@]} -gt 0 ] || return 0
  printf 'These packages are missing:\n%s' "$why"
  if ! command -v apt-get >/dev/null; then
    echo "This is not Debian or a relative: please install them (names as in Debian 12)." >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Please install them as root: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "Installing them with apt-get ..."
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
    --no-install-recommends "${missing[@]}" >/dev/null
  find_missing "$@"
  if [ ${#missing[@]} -gt 0 ]; then
    printf 'Still missing after the installation:\n%s' "$why" >&2
    exit 1
  fi
}
