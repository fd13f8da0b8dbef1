//! A listening socket that accepts in batches. When the process is out of descriptors or memory it pauses, and those who come wait in the
//! kernel's queue; when a pause was not enough they are shed.

use std::os::fd::OwnedFd;

use crate::address::Address;
use crate::syscall::duplicate;

use super::io::Io;
use super::slots::Key;
use super::sys::{self, Errno};
use super::wire::Event;

/// Then connections that are open have their turn; epoll reports what still waits.
pub const BATCH: usize = 128;
const PAUSE_MS: u64 = 100;
const TELL_MS: u64 = 1000;

pub struct Listener {
    fd: OwnedFd,
    /// Somebody else has the socket too, and whoever waits in its queue when this closes waits on.
    is_shared: bool,
    /// Given up for a moment to accept those who are shed.
    reserve: Option<OwnedFd>,
    /// 0: it accepts.
    paused_until_ms: u64,
    /// Since the last accept that went well.
    has_failed: bool,
    /// Nobody needs to hear it more than once a second.
    tell_from_ms: u64,
}

/// Of an epoll event; no connection has generation 0.
pub fn token(index: u32) -> u64 {
    u64::from(index)
}

impl Listener {
    pub fn new(fd: OwnedFd, index: u32, is_shared: bool, io: &Io) -> sys::Result<Self> {
        io.epoll.add(&fd, libc::EPOLLIN as u32, token(index))?;
        let reserve = duplicate(&fd).ok();
        Ok(Self { fd, is_shared, reserve, paused_until_ms: 0, has_failed: false, tell_from_ms: 0 })
    }

    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Epoll keeps a socket as long as anybody has it, and would go on reporting one that others serve.
    pub fn close(self, io: &Io) {
        let _ = io.epoll.remove(&self.fd);
    }

    pub fn address(&self) -> sys::Result<Address> {
        Address::local(&self.fd)
    }

    /// Null: nobody waits any more, or it pauses.
    pub fn accept(&mut self, index: u32, io: &mut Io) -> Option<(OwnedFd, Address)> {
        loop {
            match sys::accept(&self.fd) {
                Ok(accepted) => {
                    self.has_failed = false;
                    return Some(accepted);
                }
                Err(libc::EAGAIN) => return None,
                // Of a connection that is gone already (accept(2)).
                Err(libc::ECONNABORTED | libc::EINTR | libc::EPROTO | libc::EPERM) => {}
                Err(errno) => {
                    self.pause(index, errno, io);
                    return None;
                }
            }
        }
    }

    fn pause(&mut self, index: u32, errno: Errno, io: &mut Io) {
        if io.epoll.modify(&self.fd, 0, token(index)).is_ok() {
            self.paused_until_ms = io.now_ms + PAUSE_MS;
        }
        if self.has_failed {
            self.shed();
        }
        self.has_failed = true;
        if self.tell_from_ms <= io.now_ms {
            self.tell_from_ms = io.now_ms + TELL_MS;
            io.tell(Key { slot: 0, generation: 0 }, &Event::ListenerFailed { listener: index, errno });
        }
    }

    fn shed(&mut self) {
        for _ in 0..BATCH {
            self.reserve = None;
            let shed = sys::accept(&self.fd).map(|(client, _)| sys::reset(client));
            self.reserve = duplicate(&self.fd).ok();
            if shed.is_err() {
                return;
            }
        }
    }

    pub fn resume(&mut self, index: u32, io: &Io) {
        if self.paused_until_ms != 0 && self.paused_until_ms <= io.now_ms {
            let is_on = io.epoll.modify(&self.fd, libc::EPOLLIN as u32, token(index)).is_ok();
            self.paused_until_ms = if is_on { 0 } else { io.now_ms + PAUSE_MS };
        }
    }

    pub fn resumes_ms(&self) -> Option<u64> {
        (self.paused_until_ms != 0).then_some(self.paused_until_ms)
    }
}
