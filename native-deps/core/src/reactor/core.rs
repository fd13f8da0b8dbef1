//! All listeners and connections of one thread, without the loop and without JavaScript.

use std::os::fd::{OwnedFd, RawFd};

use crate::address::Address;

use super::connection::{Connection, FIRST_PEEK, Step};
use super::io::{Area, Io};
use super::listener::{self, Listener};
use super::side;
use super::slots::{Key, Slots};
use super::sys::{EpollEvent, Errno};
use super::wire::{Event, Record, decode};

const EVENTS: usize = 256;

pub struct Core {
    slots: Slots<Connection>,
    listeners: Vec<Option<Listener>>,
    io: Io,
    ready: Box<[EpollEvent; EVENTS]>,
    /// Of `ready`: what is still to be looked at.
    next: usize,
    count: usize,
    fired: Vec<u32>,
}

pub struct Figures {
    pub connections: usize,
    pub timers: usize,
    pub pipes: usize,
    pub idle_pipes: usize,
}

impl Core {
    pub fn new(area: Area, now_ms: u64) -> Result<Self, Errno> {
        Ok(Self {
            slots: Slots::new(),
            listeners: Vec::new(),
            io: Io::new(area, now_ms)?,
            ready: Box::new([EpollEvent { events: 0, u64: 0 }; EVENTS]),
            next: 0,
            count: 0,
            fired: Vec::new(),
        })
    }

    pub fn raw_epoll(&self) -> RawFd {
        self.io.epoll.raw()
    }

    pub fn is_idle(&self) -> bool {
        self.slots.len() == 0 && self.listeners.iter().all(Option::is_none)
    }

    pub fn figures(&self) -> Figures {
        Figures {
            connections: self.slots.len(),
            timers: self.io.wheel.running(),
            pipes: self.io.pipes.lent(),
            idle_pipes: self.io.pipes.idle(),
        }
    }

    /// Returns the listener's number.
    pub fn listen(&mut self, fd: OwnedFd, is_shared: bool) -> Result<u32, Errno> {
        let free = self.listeners.iter().position(Option::is_none);
        let index = free.unwrap_or(self.listeners.len());
        let listener = Listener::new(fd, index as u32, is_shared, &self.io)?;
        match free {
            Some(_) => self.listeners[index] = Some(listener),
            None => self.listeners.push(Some(listener)),
        }
        Ok(index as u32)
    }

    pub fn listener_address(&self, index: u32) -> Result<Address, Errno> {
        let listener = self.listeners.get(index as usize).and_then(Option::as_ref);
        listener.ok_or(libc::EBADF)?.address()
    }

    /// Accepts who waits for a listener that is to be closed: the kernel would reset them with it, unless somebody else keeps the socket
    /// too. True: more may wait, when JavaScript has seen these.
    pub fn accept_waiting(&mut self, index: u32, now_ms: u64) -> bool {
        self.io.now_ms = now_ms;
        if self.listeners.get(index as usize).and_then(Option::as_ref).is_none_or(Listener::is_shared) {
            return false;
        }
        let before = self.slots.len();
        !self.accept(index) || self.slots.len() - before >= listener::BATCH
    }

    pub fn unlisten(&mut self, index: u32) {
        if let Some(listener) = self.listeners.get_mut(index as usize).and_then(Option::take) {
            listener.close(&self.io);
        }
    }

    pub fn local_address(&mut self, key: Key) -> Result<Address, Errno> {
        let client = self.slots.get_mut(key).and_then(|connection| connection.client());
        Address::local(client.ok_or(libc::EBADF)?)
    }

    /// Bytes relayed up and down; null when the connection is gone.
    pub fn traffic(&mut self, key: Key) -> Option<(u64, u64)> {
        self.slots.get_mut(key).map(|connection| connection.traffic())
    }

    /// Does what the sockets and the clock ask for. True: call again, when JavaScript has seen the events so far.
    pub fn turn(&mut self, now_ms: u64) -> bool {
        self.io.now_ms = now_ms;
        if self.next == self.count {
            self.expire();
            self.next = 0;
            self.count = self.io.epoll.poll(&mut self.ready[..]).unwrap_or(0);
        }
        while self.next < self.count {
            let EpollEvent { events, u64: token } = self.ready[self.next];
            if !self.dispatch(token, events) {
                return true;
            }
            self.next += 1;
        }
        self.count == EVENTS
    }

    /// When `turn` has something to do although no socket does.
    pub fn next_due_ms(&self) -> Option<u64> {
        let resumes = self.listeners.iter().flatten().filter_map(Listener::resumes_ms).min();
        match (self.io.wheel.next_due_ms(), resumes) {
            (Some(timer), Some(resume)) => Some(timer.min(resume)),
            (timer, resume) => timer.or(resume),
        }
    }

    pub fn has_events(&self) -> bool {
        !self.io.events.is_empty()
    }

    /// Moves as many events as there is room for. Returns how many.
    pub fn take_events(&mut self, records: &mut [Record]) -> usize {
        let count = self.io.events.len().min(records.len());
        records[..count].copy_from_slice(&self.io.events[..count]);
        self.io.events.drain(..count);
        count
    }

    /// JavaScript has seen what it was told.
    pub fn forget_bytes(&mut self) {
        self.io.area.reset();
    }

    pub fn execute(&mut self, records: &[Record], bytes: &[u8], now_ms: u64) {
        self.io.now_ms = now_ms;
        for record in records {
            let Some((key, command)) = decode(record, bytes.len()) else { continue };
            self.step(key, |connection, io| connection.decided(key, command, bytes, io));
        }
    }

    pub fn adopt(&mut self, key: Key, skip: u32) -> Option<RawFd> {
        let fd = self.slots.get_mut(key)?.adopt(skip, &mut self.io)?;
        self.remove(key);
        Some(fd)
    }

    /// Closes everything. Connections end as they do when a process ends.
    pub fn close(&mut self) {
        self.listeners.clear();
        self.slots.clear();
        self.io.pipes.clear();
        self.io.events.clear();
        self.count = 0;
        self.next = 0;
    }

    /// False: there is no room for what is to be peeked.
    fn dispatch(&mut self, token: u64, events: u32) -> bool {
        let (key, side) = side::from_token(token);
        if key.generation == 0 {
            return self.accept(key.slot);
        }
        self.step(key, |connection, io| connection.ready(key, side, events, io))
    }

    fn step(&mut self, key: Key, act: impl FnOnce(&mut Connection, &mut Io) -> Step) -> bool {
        let Some(connection) = self.slots.get_mut(key) else { return true };
        match act(connection, &mut self.io) {
            Step::Stays => true,
            Step::NeedsRoom => false,
            Step::Goes => {
                self.remove(key);
                true
            }
        }
    }

    fn remove(&mut self, key: Key) {
        self.slots.remove(key);
        self.io.wheel.cancel(key.slot);
    }

    fn accept(&mut self, index: u32) -> bool {
        for _ in 0..listener::BATCH {
            if !self.io.area.has_room(FIRST_PEEK) {
                return false;
            }
            let Some(Some(listener)) = self.listeners.get_mut(index as usize) else { return true };
            let Some((client, peer)) = listener.accept(index, &mut self.io) else { return true };
            let (bytes, has_ended) = match self.io.area.peek(&client, FIRST_PEEK) {
                Ok(span) => (span, span.length == 0),
                Err(libc::EAGAIN) => Default::default(),
                // Reset already.
                Err(_) => continue,
            };
            let key = self.slots.insert(Connection::accepted(client, bytes, has_ended, &self.io));
            self.io.tell(key, &Event::Accepted { listener: index, peer, bytes });
        }
        true
    }

    fn expire(&mut self) {
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            if let Some(listener) = listener {
                listener.resume(index as u32, &self.io);
            }
        }
        let mut fired = std::mem::take(&mut self.fired);
        self.io.wheel.advance(self.io.now_ms, &mut fired);
        for slot in fired.drain(..) {
            if let Some(key) = self.slots.key_of(slot) {
                self.step(key, |connection, io| connection.timer_fired(key, io));
            }
        }
        self.fired = fired;
    }
}
