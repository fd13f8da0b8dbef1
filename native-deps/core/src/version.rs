use napi_derive::napi;

/// Raised by every change of what JavaScript and this crate agree on, here and in `dataplane/native/load.ts`.
const BOUNDARY: u32 = 4;

#[napi]
pub fn boundary() -> u32 {
    BOUNDARY
}

/// The crate's version, for `status` and bug reports.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
