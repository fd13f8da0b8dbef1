//! One direction of a relay. A side is read only while the other takes what was read, so what is under way is one read at most.

use super::io::Io;
use super::side::Side;
use super::sys::{self, Pipe};

/// A stream that got so far moves on by `splice`, which copies nothing but costs a pipe and two calls.
const SPLICE_FROM: u64 = 256 * 1024;
/// Then others have their turn.
const TURN_BYTES: usize = 1024 * 1024;
const SPLICE_BYTES: usize = 1024 * 1024;

/// Which side failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failed {
    Source,
    Target,
}

pub enum Pumped {
    /// Nothing to read, or the target takes nothing.
    Waits,
    /// There may be more to read, but it is others' turn.
    TurnOver,
    /// The source's end has been read and all before it is written.
    Finished,
}

#[derive(Default)]
pub struct Flow {
    pub bytes: u64,
    /// Read but not taken yet; kept only while the target refuses it.
    pending: Option<Box<[u8]>>,
    written: usize,
    pipe: Option<Pipe>,
    piped: usize,
    pub finished: bool,
}

impl Flow {
    /// So many bytes were moved before there was a flow.
    pub fn begun(bytes: usize) -> Self {
        Self { bytes: bytes as u64, ..Self::default() }
    }

    /// `ends_by_close`: the target is closed when this flow ends, else its end is sent. Both join the last bytes in one packet.
    pub fn pump(&mut self, source: &mut Side, target: &mut Side, io: &mut Io) -> Result<Pumped, Failed> {
        let mut turn = 0;
        loop {
            if !self.flush(target)? {
                return Ok(Pumped::Waits);
            }
            if source.ended {
                self.finished = true;
                return Ok(Pumped::Finished);
            }
            if !source.readable {
                return Ok(Pumped::Waits);
            }
            if turn >= TURN_BYTES {
                return Ok(Pumped::TurnOver);
            }
            let moved = if self.splices(io) { self.splice(source)? } else { self.copy(source, target, io)? };
            self.bytes += moved as u64;
            turn += moved;
        }
    }

    /// Takes what was read already; what the target refuses is kept.
    pub fn write(&mut self, bytes: &[u8], target: &mut Side, more_follows: bool) -> Result<(), Failed> {
        let written = match sys::send(&target.fd, bytes, more_follows) {
            Ok(written) => written,
            Err(libc::EAGAIN) => 0,
            Err(_) => return Err(Failed::Target),
        };
        if written < bytes.len() {
            self.keep(&bytes[written..], target);
        }
        Ok(())
    }

    pub fn keep(&mut self, bytes: &[u8], target: &mut Side) {
        target.writable = false;
        self.pending = Some(bytes.into());
        self.written = 0;
    }

    pub fn release(&mut self, io: &mut Io) {
        self.pending = None;
        if let Some(pipe) = self.pipe.take() {
            io.pipes.give_back(pipe, self.piped == 0);
        }
    }

    /// True when nothing is left under way.
    fn flush(&mut self, target: &mut Side) -> Result<bool, Failed> {
        if let Some(pending) = &self.pending {
            if !target.writable {
                return Ok(false);
            }
            match sys::send(&target.fd, &pending[self.written..], false) {
                Ok(count) => self.written += count,
                Err(libc::EAGAIN) => {}
                Err(_) => return Err(Failed::Target),
            }
            if self.written < pending.len() {
                target.writable = false;
                return Ok(false);
            }
            self.pending = None;
        }
        while self.piped > 0 {
            let Some(pipe) = &self.pipe else { return Err(Failed::Target) };
            if !target.writable {
                return Ok(false);
            }
            match sys::splice(&pipe.read, &target.fd, self.piped) {
                Ok(count) => self.piped -= count,
                Err(libc::EAGAIN) => target.writable = false,
                Err(_) => return Err(Failed::Target),
            }
        }
        Ok(true)
    }

    fn splices(&mut self, io: &mut Io) -> bool {
        if self.pipe.is_none() && self.bytes >= SPLICE_FROM {
            self.pipe = io.pipes.lend();
        }
        self.pipe.is_some()
    }

    fn splice(&mut self, source: &mut Side) -> Result<usize, Failed> {
        let Some(pipe) = &self.pipe else { return Ok(0) };
        match sys::splice(&source.fd, &pipe.write, SPLICE_BYTES) {
            Ok(0) => source.ended = true,
            Ok(count) => {
                self.piped = count;
                return Ok(count);
            }
            // The pipe is empty, so it is the source that has nothing.
            Err(libc::EAGAIN) => source.readable = false,
            Err(_) => return Err(Failed::Source),
        }
        Ok(0)
    }

    fn copy(&mut self, source: &mut Side, target: &mut Side, io: &mut Io) -> Result<usize, Failed> {
        let count = match sys::receive(&source.fd, &mut io.scratch) {
            Ok(count) => count,
            Err(libc::EAGAIN) => {
                source.readable = false;
                return Ok(0);
            }
            Err(_) => return Err(Failed::Source),
        };
        if count == 0 {
            source.ended = true;
            return Ok(0);
        }
        if count < io.scratch.len() {
            source.drained();
        }
        target.write_promptly();
        self.write(&io.scratch[..count], target, source.ended)?;
        Ok(count)
    }
}
