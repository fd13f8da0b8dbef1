//! The native side of `dataplane/native/native.ts`: one module for each thing that moves bytes, and what they share.

mod address;
#[cfg(not(any(test, fuzzing)))]
mod callback;
mod datagrams;
#[cfg(fuzzing)]
pub mod fuzzed;
mod hash;
#[cfg(not(any(test, fuzzing)))]
mod poll;
mod reactor;
#[cfg_attr(any(test, fuzzing), allow(dead_code))]
mod send_file;
mod syscall;
#[cfg(not(any(test, fuzzing)))]
mod uv;
#[cfg(not(any(test, fuzzing)))]
mod version;
