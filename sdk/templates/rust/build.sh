#!/bin/sh
# No crate and no Cargo: rustc alone.
set -e
cd "$(dirname "$0")"
mkdir -p build
rustc --edition 2021 -O --crate-type cdylib -o build/@NAME@.so @NAME@.rs
rustc --edition 2021 --test -o build/@NAME@_test @NAME@.rs
build/@NAME@_test
