//! Listeners, waiting connections and relays of one thread. Ownership runs downwards: `host` has a `core`, that has connections in
//! slots, a connection has its sockets; whatever is dropped closes what it owns.

// Tests run without node, whose symbols `uv` needs.
#![cfg_attr(test, allow(dead_code))]

#[cfg(not(test))]
mod binding;
mod connection;
mod core;
mod flow;
#[cfg(not(test))]
mod host;
mod io;
mod listener;
mod pipes;
mod relay;
mod shared;
mod side;
mod slots;
mod sys;
mod wheel;
mod wire;
