//! Listeners, waiting connections and relays of one thread. Ownership runs downwards: `host` has a `core`, that has connections in
//! slots, a connection has its sockets; whatever is dropped closes what it owns.

// Tests run without node, whose symbols `uv` needs.
#![cfg_attr(any(test, fuzzing), allow(dead_code))]

#[cfg(not(any(test, fuzzing)))]
mod binding;
mod connection;
pub mod core;
mod flow;
#[cfg(not(any(test, fuzzing)))]
mod host;
pub mod io;
mod listener;
mod pipes;
mod relay;
mod shared;
mod side;
mod slots;
pub mod sys;
mod wheel;
pub mod wire;
