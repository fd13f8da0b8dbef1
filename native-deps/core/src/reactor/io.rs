//! What all connections of a reactor share.

use std::os::fd::OwnedFd;

use super::pipes::Pipes;
use super::slots::Key;
use super::sys::{self, Epoll, Errno};
use super::wheel::Wheel;
use super::wire::{Event, Record, Span};

/// Read and written at once by a relay that copies; small enough for the second-level cache.
const SCRATCH_BYTES: usize = 64 * 1024;
const MAX_IDLE_PIPES: usize = 64;
const MAX_PIPES: usize = 1024;

/// Memory that JavaScript reads in the same call in which it learns of it; it is written over afterwards.
pub struct Area {
    start: *mut u8,
    length: usize,
    used: usize,
    /// Tells spans of now from those of an earlier call.
    epoch: u64,
}

impl Area {
    /// # Safety
    /// `start` points to `length` bytes that outlive the area, and nobody else touches them while a call of Rust runs.
    pub unsafe fn new(start: *mut u8, length: usize) -> Self {
        Self { start, length, used: 0, epoch: 0 }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn has_room(&self, count: usize) -> bool {
        self.used == 0 || self.length - self.used >= count
    }

    /// Peeks into the area what fits and is asked for.
    pub fn peek(&mut self, fd: &OwnedFd, count: usize) -> sys::Result<Span> {
        let count = count.min(self.length - self.used);
        let target = unsafe { std::slice::from_raw_parts_mut(self.start.add(self.used), count) };
        let length = sys::peek(fd, target)?;
        let span = Span { offset: self.used as u32, length: length as u32 };
        self.used += length;
        Ok(span)
    }

    pub fn bytes(&self, span: Span) -> &[u8] {
        let end = (span.offset as usize + span.length as usize).min(self.used);
        let start = (span.offset as usize).min(end);
        unsafe { std::slice::from_raw_parts(self.start.add(start), end - start) }
    }

    pub fn reset(&mut self) {
        self.used = 0;
        self.epoch += 1;
    }
}

pub struct Io {
    pub epoll: Epoll,
    pub wheel: Wheel,
    pub pipes: Pipes,
    pub area: Area,
    pub scratch: Box<[u8]>,
    /// For JavaScript; at most two a connection wait here.
    pub events: Vec<Record>,
    /// The loop's clock.
    pub now_ms: u64,
}

impl Io {
    pub fn new(area: Area, now_ms: u64) -> Result<Self, Errno> {
        Ok(Self {
            epoll: Epoll::new()?,
            wheel: Wheel::new(now_ms),
            pipes: Pipes::new(MAX_IDLE_PIPES, MAX_PIPES),
            area,
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            events: Vec::new(),
            now_ms,
        })
    }

    pub fn tell(&mut self, key: Key, event: &Event) {
        self.events.push(event.encode(key));
    }

    pub fn set_timer(&mut self, key: Key, due_ms: u64) {
        self.wheel.set(key.slot, due_ms);
    }
}
