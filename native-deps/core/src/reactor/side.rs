//! One socket of a connection, and what is known of it.

use std::os::fd::OwnedFd;

use super::slots::Key;
use super::sys::{self, Epoll};

const READABLE: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET) as u32;
const WRITABLE: u32 = libc::EPOLLOUT as u32;
const GONE: u32 = (libc::EPOLLHUP | libc::EPOLLERR) as u32;
const ENDED: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP) as u32;

pub const CLIENT: usize = 0;
pub const BACKEND: usize = 1;

/// An event of epoll carries which socket of which connection it is of.
pub fn token(key: Key, side: usize) -> u64 {
    u64::from(key.generation) << 33 | (side as u64) << 32 | u64::from(key.slot)
}

pub fn from_token(token: u64) -> (Key, usize) {
    let key = Key { slot: token as u32, generation: (token >> 33) as u32 };
    (key, (token >> 32 & 1) as usize)
}

/// Watched edge-triggered: an event tells that something changed, `readable` and `writable` keep it until a call says otherwise. So a
/// socket is added to epoll once and mostly never touched there again.
pub struct Side {
    pub fd: OwnedFd,
    /// 0: epoll does not know it.
    interest: u32,
    pub readable: bool,
    /// False once a write was refused, until epoll says otherwise.
    pub writable: bool,
    /// Nothing comes after what can be read now.
    pub is_last: bool,
    /// Urgent data cuts reads short, so a short read says nothing about the end.
    urgent: bool,
    /// The end was read.
    pub ended: bool,
    /// Small writes may wait for the answer to earlier ones (Nagle).
    delays: bool,
}

impl Side {
    /// Of an accepted connection.
    pub fn client(fd: OwnedFd) -> Self {
        Self::new(fd, false)
    }

    pub fn backend(fd: OwnedFd) -> Self {
        Self::new(fd, true)
    }

    fn new(fd: OwnedFd, delays: bool) -> Self {
        Self { fd, delays, interest: 0, readable: false, writable: true, is_last: false, urgent: false, ended: false }
    }

    pub fn is_watched(&self) -> bool {
        self.interest != 0
    }

    /// What is true already is reported at once.
    pub fn watch(&mut self, epoll: &Epoll, token: u64) -> sys::Result<()> {
        self.watch_for(epoll, token, READABLE)
    }

    /// Costs a system call, once in the life of a socket: most never refuse a write.
    pub fn watch_writes(&mut self, epoll: &Epoll, token: u64) -> sys::Result<()> {
        self.watch_for(epoll, token, READABLE | WRITABLE)
    }

    fn watch_for(&mut self, epoll: &Epoll, token: u64, wanted: u32) -> sys::Result<()> {
        let interest = self.interest | wanted;
        match self.interest {
            0 => epoll.add(&self.fd, interest, token)?,
            now if now == interest => return Ok(()),
            _ => epoll.modify(&self.fd, interest, token)?,
        }
        self.interest = interest;
        Ok(())
    }

    /// Has epoll report anew what is true, so that others have their turn before this socket goes on.
    pub fn report_again(&self, epoll: &Epoll, token: u64) -> sys::Result<()> {
        epoll.modify(&self.fd, self.interest, token)
    }

    pub fn unwatch(&mut self, epoll: &Epoll) {
        if self.is_watched() && epoll.remove(&self.fd).is_ok() {
            self.interest = 0;
        }
    }

    pub fn note(&mut self, events: u32) {
        self.readable |= events & (libc::EPOLLIN as u32 | ENDED | GONE) != 0;
        self.writable |= events & (WRITABLE | GONE) != 0;
        self.is_last |= events & ENDED != 0;
        self.urgent |= events & libc::EPOLLPRI as u32 != 0;
    }

    /// After a read that returned less than there was room for: all that was there has been read. New bytes are a new event.
    pub fn drained(&mut self) {
        if !self.is_last {
            self.readable = false;
        } else if !self.urgent {
            self.ended = true;
        }
    }

    /// The first bytes of a connection wait for nothing anyway, and many connections have no others: the call is made before the second.
    pub fn write_promptly(&mut self) {
        if self.delays {
            sys::no_delay(&self.fd);
            self.delays = false;
        }
    }

    pub fn close(self, by_reset: bool) {
        if by_reset {
            sys::reset(self.fd);
        }
    }
}
