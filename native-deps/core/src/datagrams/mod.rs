//! *datagrams* of the native boundary: UDP in batches, one call into JavaScript for each.

#![cfg_attr(test, allow(dead_code))]

mod batch;
#[cfg(not(test))]
mod binding;
mod socket;
