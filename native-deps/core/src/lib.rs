//! The native side of `dataplane/native/native.ts`: one module for each thing that moves bytes.

mod hash;
mod reactor;
mod version;
