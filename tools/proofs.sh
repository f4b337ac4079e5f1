#!/usr/bin/env bash
# Install the prover into .cache/proofs: an environment of its own, because Halmos is under AGPL-3.0
# and is only ever run, and because it holds packages below the versions that the project is locked
# to. Does nothing when it is there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=.cache/proofs
wanted=$(cat tests/symbolic/requirements.lock <(.venv/bin/python --version) | sha256sum | cut -d' ' -f1)
[[ -f $folder/.stamp && $(<"$folder/.stamp") == "$wanted" ]] && exit

printf 'proofs: the prover, about 210 MB ...\n'
rm -rf "$folder"
.venv/bin/python -m venv "$folder"
"$folder/bin/pip" install -qq --disable-pip-version-check --no-deps --require-hashes \
  -r tests/symbolic/requirements.lock
# It would have a compiler run first, by this name; ours has run when it is started.
ln -s "$(type -P true)" "$folder/bin/forge"
printf '%s\n' "$wanted" >"$folder/.stamp"
