#!/usr/bin/env bash
# Resolve the dependencies in pyproject.toml and package.json into requirements.lock and
# package-lock.json. Run it after changing a dependency; commit both files with docs/dependencies.md.
#
# uv resolves for every supported Python and platform at once. It is a tool of this script only,
# kept in .cache. Its own configuration and the machine's are left out, so that the lock holds the
# public files' hashes and names no index.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool=.cache/uv-tool
[[ -x $tool/bin/uv ]] || {
  "${PYTHON:-python3}" -m venv "$tool"
  "$tool/bin/pip" install -qq --disable-pip-version-check 'uv==0.13.9'
}

# The override in [tool.uv] is handed over as a file, because --no-config skips that table.
overrides=$(mktemp)
trap 'rm -f "$overrides"' EXIT
"$tool/bin/python" -c '
import tomllib
for line in tomllib.load(open("pyproject.toml", "rb"))["tool"]["uv"]["override-dependencies"]:
    print(line)
' >"$overrides"

# resolve OUTPUT INPUT...: INPUT may be a file or options of uv that say what to resolve.
resolve() {
  local output=$1
  shift
  env -i PATH="$PATH" HOME="$HOME" ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} \
    "$tool/bin/uv" pip compile --no-config --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
    --quiet --output-file "$output" "$@"
}

resolve requirements.lock pyproject.toml --group contracts --group dev --override "$overrides" "$@"
# The prover is a program that is run, in an environment of its own: docs/proofs.md.
resolve tests/symbolic/requirements.lock tests/symbolic/requirements.in "$@"

npm install --package-lock-only --loglevel=error
if grep -q '"resolved"' package-lock.json; then
  echo "lock: package-lock.json holds download addresses; is .npmrc in place?" >&2
  exit 1
fi
echo "lock: $(grep -c '^[a-z]' requirements.lock) Python packages, $(grep -c '^    "node_modules/' package-lock.json) Node packages"
