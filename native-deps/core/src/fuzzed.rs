//! What the targets of `fuzz/` run: everything here that reads bytes which others wrote. Any input is fine as long as nothing panics,
//! nothing is read or written out of bounds (AddressSanitizer watches), and what must hold holds.

use std::io::Write;
use std::net::TcpStream;

use crate::address::Address;
use crate::hash::sha256::Sha256;
use crate::reactor::core::Core;
use crate::reactor::io::Area;
use crate::reactor::sys;
use crate::reactor::wire::{Record, WORDS};

const LOOPBACK: Address = Address { words: [0, 0, 0xffff, 0x7f00_0001], port: 0 };
const AREA_BYTES: usize = 64 * 1024;
const COMMAND_BYTES: usize = 4096;

/// Commands as JavaScript would write them, but any, to a reactor that has a listener and two connections.
pub fn commands(input: &[u8]) {
    let mut memory = vec![0u8; AREA_BYTES];
    let area = unsafe { Area::new(memory.as_mut_ptr(), memory.len()) };
    let Ok(mut core) = Core::new(area, 0) else { return };
    let Ok(listener) = sys::listen(LOOPBACK, 16).and_then(|fd| core.listen(fd, false)) else { return };
    let Ok(Address { port, .. }) = core.listener_address(listener) else { return };
    let clients: Vec<TcpStream> = (0..2).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    for mut client in &clients {
        let _ = client.write_all(&[0x16, 3, 1, 0, 5]);
    }
    let (records, bytes) = input.split_at(input.len() - input.len().min(COMMAND_BYTES) / 4);
    let records: Vec<Record> = records.as_chunks::<{ WORDS * 4 }>().0.iter().map(record).collect();
    let mut events = [[0; WORDS]; 16];
    let mut now_ms = 1;
    for batch in records.chunks(3) {
        core.turn(now_ms);
        core.execute(batch, bytes, now_ms);
        now_ms += 700;
        while core.take_events(&mut events) > 0 {}
        core.forget_bytes();
    }
    core.close();
    assert_eq!(core.figures().connections, 0);
}

/// Slots and generations near those that exist, so that commands find something; the rest as it came.
fn record(bytes: &[u8; WORDS * 4]) -> Record {
    let mut record = [0; WORDS];
    for (word, bytes) in record.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = i32::from_le_bytes(*bytes);
    }
    record[0] &= 0xffff_0007u32 as i32;
    record[1] &= 3;
    record[2] &= 3;
    record
}

/// A saved state from anywhere: refused, or one that comes back as it was.
pub fn saved_hash(saved: &[u8]) {
    let Some(mut hash) = Sha256::load(saved) else { return };
    assert_eq!(hash.save(), saved);
    hash.update(saved);
    hash.digest();
}
