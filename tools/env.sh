# Put the project's own tools on this shell's PATH:  . tools/env.sh  (from the project root)
#
# anvil is the platform's own binary: the launcher that npm links would leave it running when killed.
case "$(uname -m)" in
  aarch64 | arm64) CHARGECOIN_ARCH=arm64 ;;
  *) CHARGECOIN_ARCH=amd64 ;;
esac
export PATH="$PWD/.venv/bin:$PWD/node_modules/@foundry-rs/anvil-linux-$CHARGECOIN_ARCH/bin:$PATH"
# Where ape and py-solc-x look for solc-v<version>; without it they would try to download one.
export SOLCX_BINARY_PATH="$PWD/tools/solc"
# ape's caches stay inside the project, and go with it.
export APE_DATA_FOLDER="$PWD/.cache/ape"
unset CHARGECOIN_ARCH
