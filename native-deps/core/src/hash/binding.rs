//! `Sha256` of `dataplane/native/load.ts`.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use super::sha256;

#[napi]
pub struct Sha256(sha256::Sha256);

#[napi]
impl Sha256 {
    #[napi(constructor)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(sha256::Sha256::new())
    }

    /// Null: the bytes are no saved state.
    #[napi]
    pub fn load(saved: &[u8]) -> Option<Sha256> {
        sha256::Sha256::load(saved).map(Self)
    }

    /// Runs on the calling thread: about 0.5 ms a MiB where the CPU has SHA instructions.
    #[napi]
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Bytes hashed so far.
    #[napi(getter)]
    pub fn length(&self) -> i64 {
        self.0.length() as i64
    }

    #[napi]
    pub fn save(&self) -> Buffer {
        self.0.save().into()
    }

    #[napi]
    pub fn digest(&self) -> Buffer {
        self.0.digest().to_vec().into()
    }
}
