//! What crosses the boundary: records of twelve 32-bit words, written and read here and in `dataplane/native/core/wire.ts`.

use crate::address::Address;

use super::slots::Key;

pub const WORDS: usize = 12;
pub type Record = [i32; WORDS];

/// How a relay ended; the numbers are places in a list on the other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Finished = 0,
    IdleTimeout = 1,
    ClientReset = 2,
    BackendReset = 3,
    Killed = 4,
}

/// Where peeked bytes lie in the shared area.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span {
    pub offset: u32,
    pub length: u32,
}

pub enum Event {
    Accepted { listener: u32, peer: Address, bytes: Span },
    Bytes(Span),
    HelloTimeout,
    Closed,
    Connected,
    ConnectFailed { errno: i32 },
    RelayClosed { end: End, up: u64, down: u64 },
    ListenerFailed { listener: u32, errno: i32 },
}

impl Event {
    pub fn encode(&self, key: Key) -> Record {
        let mut record = [0; WORDS];
        record[1] = key.slot as i32;
        record[2] = key.generation as i32;
        match *self {
            Event::Accepted { listener, peer, bytes } => {
                record[0] = 1;
                record[3] = bytes.offset as i32;
                record[4] = bytes.length as i32;
                record[5] = listener as i32;
                record[6] = peer.port.into();
                for (cell, word) in record[7..11].iter_mut().zip(peer.words) {
                    *cell = word as i32;
                }
            }
            Event::Bytes(bytes) => {
                record[0] = 2;
                record[3] = bytes.offset as i32;
                record[4] = bytes.length as i32;
            }
            Event::HelloTimeout => record[0] = 3,
            Event::Closed => record[0] = 4,
            Event::Connected => record[0] = 5,
            Event::ConnectFailed { errno } => {
                record[0] = 6;
                record[3] = errno;
            }
            Event::RelayClosed { end, up, down } => {
                record[0] = 7;
                record[3] = end as i32;
                (record[4], record[5]) = halves(up);
                (record[6], record[7]) = halves(down);
            }
            Event::ListenerFailed { listener, errno } => {
                record[0] = 8;
                record[3] = errno;
                record[5] = listener as i32;
            }
        }
        record
    }
}

/// Low and high word.
fn halves(value: u64) -> (i32, i32) {
    (value as i32, (value >> 32) as i32)
}

#[derive(PartialEq, Eq, Debug)]
pub enum Command {
    /// Wait until so many bytes are there, at most so long from the accept on.
    More {
        at_least: u32,
        timeout_ms: u32,
    },
    Reset,
    Reply(Span),
    Relay(Plan),
    Kill,
}

#[derive(PartialEq, Eq, Debug)]
pub struct Plan {
    pub skip: u32,
    /// In the bytes that came with the commands.
    pub prefix: Span,
    pub connect_timeout_ms: u32,
    pub idle_timeout_ms: u32,
    pub backend: Address,
}

/// `bytes` is how many came with the commands. Null: no command that the other side writes.
pub fn decode(record: &Record, bytes: usize) -> Option<(Key, Command)> {
    let word = |index: usize| record[index] as u32;
    let span = |index: usize| {
        let span = Span { offset: word(index), length: word(index + 1) };
        let end = span.offset as usize + span.length as usize;
        (end <= bytes).then_some(span)
    };
    // A port may share the word with what is to be done.
    let command = match word(0) & 0xff {
        1 => Command::More { at_least: word(3), timeout_ms: word(4) },
        2 => Command::Reset,
        3 => Command::Reply(span(3)?),
        4 => Command::Relay(Plan {
            skip: word(11),
            prefix: span(3)?,
            connect_timeout_ms: word(5),
            idle_timeout_ms: word(6),
            backend: Address { words: [word(7), word(8), word(9), word(10)], port: (word(0) >> 16) as u16 },
        }),
        5 => Command::Kill,
        _ => return None,
    };
    Some((Key { slot: word(1), generation: word(2) }, command))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { slot: 7, generation: 9 };

    #[test]
    fn decodes_what_the_other_side_writes() {
        let relay = [4 | 8443 << 16, 7, 9, 10, 20, 5000, -1, 0, 0, 0xffff, 0x7f00_0001, 3];
        let backend = Address { words: [0, 0, 0xffff, 0x7f00_0001], port: 8443 };
        let prefix = Span { offset: 10, length: 20 };
        let plan = Plan { skip: 3, prefix, connect_timeout_ms: 5000, idle_timeout_ms: u32::MAX, backend };
        assert_eq!(decode(&relay, 30), Some((KEY, Command::Relay(plan))));
        assert_eq!(decode(&[5, 7, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0), Some((KEY, Command::Kill)));
    }

    #[test]
    fn refuses_spans_outside_of_what_came() {
        assert_eq!(decode(&[4, 7, 9, 10, 21, 0, 0, 0, 0, 0, 0, 0], 30), None);
        assert_eq!(decode(&[3, 7, 9, -1, -1, 0, 0, 0, 0, 0, 0, 0], 30), None);
        assert_eq!(decode(&[0; WORDS], 30), None);
        assert_eq!(decode(&[i32::MIN; WORDS], 30), None);
    }

    #[test]
    fn counts_above_32_bits_keep_both_halves() {
        let record = Event::RelayClosed { end: End::Killed, up: 1 << 32 | 5, down: u64::MAX }.encode(KEY);
        assert_eq!(record[..8], [7, 7, 9, 4, 5, 1, -1, -1]);
    }
}
