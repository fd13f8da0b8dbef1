//! What one system call receives, and the replies to it. The bytes lie in memory that JavaScript shares:
//!
//! ```text
//! records  one for each datagram, WORDS words, see the constants
//! input    `max_bytes` for each datagram
//! output   `max_bytes` for each reply
//! ```
//!
//! The same layout stands in `dataplane/native/core/datagrams.ts`.

use std::mem::{size_of, zeroed};
use std::os::fd::OwnedFd;

use crate::address::{Address, Storage};
use crate::syscall::{Errno, Result};

use super::socket::{Control, receive_many, send_many};

const WORDS: usize = 16;
type Record = [u32; WORDS];

const LENGTH: usize = 0;
/// 1: the datagram was longer than what was kept of it.
const CUT: usize = 1;
/// Four words.
const PEER: usize = 2;
const PEER_PORT: usize = 6;
/// Four words.
const LOCAL: usize = 7;
/// Of a link-local peer; JavaScript leaves it as it is.
const SCOPE: usize = 11;
/// Written by JavaScript.
const REPLY: usize = 12;
const NO_REPLY: u32 = u32::MAX;

pub struct Batch {
    records: *mut Record,
    output: *mut u8,
    max_bytes: usize,
    receive: Vec<libc::mmsghdr>,
    send: Vec<libc::mmsghdr>,
    // What the headers point at: never moved, never resized.
    sources: Box<[Storage]>,
    targets: Box<[Storage]>,
    receive_parts: Box<[libc::iovec]>,
    send_parts: Box<[libc::iovec]>,
    receive_control: Box<[Control]>,
    send_control: Box<[Control]>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    pub sent: usize,
    pub dropped: usize,
}

impl Batch {
    pub fn memory_bytes(count: usize, max_bytes: usize) -> usize {
        count * (size_of::<Record>() + 2 * max_bytes)
    }

    /// # Safety
    /// `memory` is word-aligned, `memory_bytes` long, and lives as long as the batch.
    pub unsafe fn new(memory: *mut u8, count: usize, max_bytes: usize) -> Self {
        let input = unsafe { memory.add(count * size_of::<Record>()) };
        let part =
            |index: usize| libc::iovec { iov_base: unsafe { input.add(index * max_bytes) }.cast(), iov_len: max_bytes };
        let mut batch = Self {
            records: memory.cast(),
            output: unsafe { input.add(count * max_bytes) },
            max_bytes,
            receive: vec![unsafe { zeroed() }; count],
            send: vec![unsafe { zeroed() }; count],
            sources: vec![unsafe { zeroed() }; count].into(),
            targets: vec![unsafe { zeroed() }; count].into(),
            receive_parts: (0..count).map(part).collect(),
            send_parts: (0..count).map(part).collect(),
            receive_control: vec![Control::default(); count].into(),
            send_control: vec![Control::default(); count].into(),
        };
        for index in 0..count {
            let message = &mut batch.receive[index].msg_hdr;
            message.msg_name = (&raw mut batch.sources[index]).cast();
            message.msg_iov = &raw mut batch.receive_parts[index];
            message.msg_iovlen = 1;
        }
        batch
    }

    /// Reads what waits, as much as fits. EAGAIN: nothing does.
    pub fn receive(&mut self, fd: &OwnedFd) -> Result<usize> {
        for (entry, control) in self.receive.iter_mut().zip(&mut self.receive_control) {
            entry.msg_hdr.msg_namelen = size_of::<Storage>() as libc::socklen_t;
            control.receive_into(&mut entry.msg_hdr);
        }
        let count = receive_many(fd, &mut self.receive)?;
        for index in 0..count {
            let entry = &self.receive[index];
            let source = &self.sources[index];
            let peer = Address::from_storage(source);
            let (local, interface) = Control::sent_to(&entry.msg_hdr).unwrap_or_default();
            let record = unsafe { &mut *self.records.add(index) };
            record[LENGTH] = (entry.msg_len as usize).min(self.max_bytes) as u32;
            record[CUT] = (entry.msg_hdr.msg_flags & libc::MSG_TRUNC != 0).into();
            record[PEER..PEER + 4].copy_from_slice(&peer.words);
            record[PEER_PORT] = peer.port.into();
            record[LOCAL..LOCAL + 4].copy_from_slice(&local);
            record[SCOPE] = if is_link_local(peer.words) { interface } else { 0 };
            record[REPLY] = NO_REPLY;
        }
        Ok(count)
    }

    /// Sends the replies that JavaScript wrote to the first `count` datagrams.
    pub fn reply(&mut self, fd: &OwnedFd, count: usize) -> Sent {
        let mut pending = 0;
        for index in 0..count {
            let record = unsafe { *self.records.add(index) };
            if record[REPLY] == NO_REPLY {
                continue;
            }
            self.address(pending, index, &record);
            pending += 1;
        }
        send_all(pending, |from| send_many(fd, &mut self.send[from..pending]))
    }

    fn address(&mut self, place: usize, index: usize, record: &Record) {
        let words = |from: usize| [record[from], record[from + 1], record[from + 2], record[from + 3]];
        let (storage, size) = Address { words: words(PEER), port: record[PEER_PORT] as u16 }.to_storage();
        self.targets[place] = storage;
        // Of an IPv6 target; IPv4 has zeros there.
        self.targets[place].sin6_scope_id = record[SCOPE];
        self.send_parts[place] = libc::iovec {
            iov_base: unsafe { self.output.add(index * self.max_bytes) }.cast(),
            iov_len: (record[REPLY] as usize).min(self.max_bytes),
        };
        let message = &mut self.send[place].msg_hdr;
        message.msg_name = (&raw mut self.targets[place]).cast();
        message.msg_namelen = size;
        message.msg_iov = &raw mut self.send_parts[place];
        message.msg_iovlen = 1;
        self.send_control[place].leave_from(message, Address { words: words(LOCAL), port: 0 }, record[SCOPE]);
    }
}

/// The system stops at the first message that fails. That one is dropped and the next ones are tried, unless there is no room.
fn send_all(count: usize, mut send_from: impl FnMut(usize) -> Result<usize>) -> Sent {
    let mut done = Sent::default();
    while done.sent + done.dropped < count {
        match send_from(done.sent + done.dropped) {
            Ok(sent) => done.sent += sent,
            Err(libc::EINTR) => {}
            Err(errno) if is_full(errno) => done.dropped = count - done.sent,
            Err(_) => done.dropped += 1,
        }
    }
    done
}

fn is_full(errno: Errno) -> bool {
    matches!(errno, libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM)
}

fn is_link_local([first, ..]: [u32; 4]) -> bool {
    first & 0xffc0_0000 == 0xfe80_0000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagrams::socket;
    use std::net::UdpSocket;

    #[test]
    fn answers_a_batch_from_the_addresses_that_were_asked() {
        const COUNT: usize = 4;
        const MAX: usize = 32;
        let mut memory = vec![0u32; Batch::memory_bytes(COUNT, MAX) / 4];
        let wildcard = Address { words: [0; 4], port: 0 };
        let fd = socket::bind(wildcard).expect("a free port");
        let port = Address::local(&fd).expect("bound").port;
        let start = memory.as_mut_ptr();
        let mut batch = unsafe { Batch::new(start.cast(), COUNT, MAX) };

        let clients = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|target| {
            let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            client.connect((target, port)).expect("loopback");
            client.send(&[7; 40]).expect("loopback");
            client
        });
        assert_eq!(batch.receive(&fd), Ok(3));
        for index in 0..2 {
            let record = unsafe { &mut *batch.records.add(index) };
            assert_eq!((record[LENGTH], record[CUT]), (32, 1));
            assert_eq!(record[LOCAL..LOCAL + 4], [0, 0, 0xffff, 0x7f00_0001 + index as u32]);
            record[REPLY] = 5;
        }
        assert_eq!(batch.reply(&fd, 3), Sent { sent: 2, dropped: 0 });
        for client in &clients[..2] {
            // Connected: it takes only what comes from the address that it asked.
            assert_eq!(client.recv(&mut [0; 64]).expect("a reply"), 5);
        }
        assert_eq!(batch.receive(&fd), Err(libc::EAGAIN));
    }

    #[test]
    fn a_message_that_fails_does_not_take_the_others() {
        let mut calls = [Ok(2), Err(libc::EPERM), Ok(1), Err(libc::EAGAIN)].into_iter();
        assert_eq!(send_all(6, |_| calls.next().expect("no more calls")), Sent { sent: 3, dropped: 3 });
        assert_eq!(send_all(0, |_| unreachable!()), Sent::default());
    }
}
