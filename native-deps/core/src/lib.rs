//! The native side of `dataplane/native/native.ts`: one module for each thing that moves bytes, and what they share.

mod address;
#[cfg(not(test))]
mod callback;
mod datagrams;
mod hash;
#[cfg(not(test))]
mod poll;
mod reactor;
#[cfg_attr(test, allow(dead_code))]
mod send_file;
mod syscall;
#[cfg(not(test))]
mod uv;
#[cfg_attr(test, allow(dead_code))]
mod version;
