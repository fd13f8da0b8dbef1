//! *hash* of the native boundary: SHA-256 whose state can be saved and loaded.

#![cfg_attr(any(test, fuzzing), allow(dead_code))]

#[cfg(not(any(test, fuzzing)))]
mod binding;
pub mod sha256;
