//! *datagrams* of the native boundary: UDP in batches, one call into JavaScript for each.

#![cfg_attr(any(test, fuzzing), allow(dead_code))]

mod batch;
#[cfg(not(any(test, fuzzing)))]
mod binding;
mod socket;
