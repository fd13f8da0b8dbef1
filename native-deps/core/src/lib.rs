//! The native side of `dataplane/native/native.ts`: one module for each thing that moves bytes, and what they share.

mod address;
#[cfg(not(test))]
mod callback;
mod hash;
mod reactor;
mod syscall;
#[cfg(not(test))]
mod uv;
mod version;
