#!/usr/bin/env bash
# Install everything the project runs and is tested with, inside the project's own folder:
# .venv (Python), node_modules (anvil, solc, OpenZeppelin, the test browser) and .cache.
#
# Each step keeps a stamp with the hash of what it was made from, so a second run does nothing and
# a changed lock installs again. Needs Python 3.11 to 3.13 with venv, and Node 20+ with npm.
# Set PYTHON to choose an interpreter: PYTHON=python3.12 tools/setup.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

started=$SECONDS
worked=no

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# step NAME STAMP WANTED COMMAND...: run the command unless STAMP already holds WANTED.
step() {
  local name=$1 stamp=$2 wanted=$3 begun=$SECONDS
  shift 3
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]]; then
    return
  fi
  worked=yes
  printf 'setup: %s ...\n' "$name"
  "$@" || fail "failed: $name (the reason is above)"
  mkdir -p "$(dirname "$stamp")"
  printf '%s\n' "$wanted" >"$stamp"
  printf 'setup: %s: done in %d s\n' "$name" $((SECONDS - begun))
}

hash_of() {
  cat "$@" | sha256sum | cut -d' ' -f1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "no Python 3.11, 3.12 or 3.13 found (tried ${PYTHON:-python3, python3.13, python3.12, python3.11})" \
    "install one, for example: apt-get install python3 python3-venv"
}

check_node() {
  command -v node >/dev/null && command -v npm >/dev/null ||
    fail "node and npm are needed" "install Node 20 or newer, for example: apt-get install nodejs npm"
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
    fail "Node 20 or newer is needed; this is $(node --version)"
}

# The steps run where `set -e` does not reach, so each ends with the status that counts.
make_venv() {
  rm -rf .venv
  "$python" -m venv .venv ||
    fail "this Python cannot make a virtual environment" "for example: apt-get install python3-venv"
}

install_python() {
  # --no-deps: the lock is complete (see [tool.uv] in pyproject.toml for the one pin it overrides).
  .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
}

install_project() {
  .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

install_node() {
  npm ci --loglevel=error || return
  if [[ $(uname -m) != x86_64 ]]; then
    printf 'setup: %s\n' "anvil and the test browser are locked for x86-64 only; on this machine put anvil 1.7.1" \
      "(and for page tests a Chromium) on the PATH yourself" >&2
  elif [[ ! -x node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil ]]; then
    printf 'setup: npm left anvil out; is `omit=optional` set in your npm configuration?\n' >&2
    return 1
  fi
}

unpack_browser() {
  # Only page tests need it; without one they fail and say what to install.
  node tools/chromium.mjs >/dev/null || [[ $(uname -m) != x86_64 ]]
}

python=$(find_python)
check_node
version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')

step "Python $version environment in .venv" .venv/.stamp-venv "$version $PWD" make_venv
step "$(grep -c '^[a-z]' requirements.lock) locked Python packages (a minute or two)" \
  .venv/.stamp-packages "$(hash_of requirements.lock)" install_python
step "chargecoin itself, editable" .venv/.stamp-project "$(hash_of pyproject.toml)" install_project
step "Node packages" node_modules/.stamp "$(hash_of package-lock.json .npmrc)" install_node
step "test browser in .cache/chromium" .cache/chromium/.stamp "$(hash_of package-lock.json tools/chromium.mjs)" \
  unpack_browser

if [[ $worked == yes ]]; then
  printf 'setup: ready in %d s\n' $((SECONDS - started))
fi
