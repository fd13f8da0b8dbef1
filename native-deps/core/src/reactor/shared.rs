//! The memory that JavaScript and the reactor share: one ArrayBuffer, laid out here and in `dataplane/native/core/wire.ts`.
//!
//! ```text
//! events   RECORDS records, written by Rust
//! count    one word: how many commands JavaScript wrote (padded to a record)
//! commands RECORDS records, written by JavaScript
//! bytes    COMMAND_BYTES, of the commands
//! area     the rest: bytes peeked of connections
//! ```

use super::io::Area;
use super::wire::{Record, WORDS};

pub const RECORDS: usize = 512;
const RECORD_BYTES: usize = WORDS * 4;
const COMMAND_BYTES: usize = 64 * 1024;

const COUNT_AT: usize = RECORDS * RECORD_BYTES;
const COMMANDS_AT: usize = COUNT_AT + RECORD_BYTES;
const BYTES_AT: usize = COMMANDS_AT + RECORDS * RECORD_BYTES;
const AREA_AT: usize = BYTES_AT + COMMAND_BYTES;

#[derive(Clone, Copy)]
pub struct Shared {
    start: *mut u8,
    length: usize,
}

impl Shared {
    /// Null: too small, or not aligned for words.
    pub fn new(start: *mut u8, length: usize) -> Option<Self> {
        (length > AREA_AT && start.cast::<Record>().is_aligned()).then_some(Self { start, length })
    }

    pub fn area(self) -> Area {
        unsafe { Area::new(self.start.add(AREA_AT), self.length - AREA_AT) }
    }

    /// # Safety
    /// Nothing else holds the events, and JavaScript does not run while they are held.
    pub unsafe fn events<'a>(self) -> &'a mut [Record] {
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), RECORDS) }
    }

    /// What JavaScript wrote since the last call.
    ///
    /// # Safety
    /// JavaScript does not run while the commands are held.
    pub unsafe fn take_commands<'a>(self) -> (&'a [Record], &'a [u8]) {
        unsafe {
            let count = self.start.add(COUNT_AT).cast::<u32>();
            let records = (count.read() as usize).min(RECORDS);
            count.write(0);
            (
                std::slice::from_raw_parts(self.start.add(COMMANDS_AT).cast(), records),
                std::slice::from_raw_parts(self.start.add(BYTES_AT), COMMAND_BYTES),
            )
        }
    }
}
