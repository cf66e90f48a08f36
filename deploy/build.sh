#!/bin/sh
# Builds the component and puts the program into a folder: `deploy/build.sh <folder>`. The image, the package and the tests
# all build it so. PROFILE is cargo's, `release` unless told otherwise.
set -eu
folder=$1
profile=${PROFILE:-release}
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
cargo build --locked --package xmpp-groupchat --profile "$profile" --target-dir "$target"
case $profile in dev) built=debug ;; *) built=$profile ;; esac
mkdir -p "$folder"
install -m 755 "$target/$built/xmpp-groupchat" "$folder/xmpp-groupchat"
