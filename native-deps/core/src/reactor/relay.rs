//! A client and a backend whose bytes are passed on both ways until both have ended.

use super::flow::{Failed, Flow, Pumped};
use super::io::Io;
use super::side::{BACKEND, CLIENT, Side, token};
use super::slots::Key;
use super::sys;
use super::wire::End;

/// From the client to the backend; the other flow is the way back.
pub const UP: usize = CLIENT;

pub struct Relay {
    /// The source of `flows[i]` is `sides[i]`.
    pub sides: [Side; 2],
    pub flows: [Flow; 2],
    pub idle_timeout_ms: u64,
    pub active_ms: u64,
}

impl Relay {
    /// Events of one side. Some: the relay is over.
    pub fn ready(&mut self, key: Key, side: usize, events: u32, io: &mut Io) -> Option<End> {
        self.sides[side].note(events);
        self.active_ms = io.now_ms;
        // Room in this side's socket first: what waits for it may be all that the other side is held back by.
        let outcome = match self.pump(key, 1 - side, io) {
            None if self.sides[side].readable => self.pump(key, side, io),
            outcome => outcome,
        };
        // What came before a reset is still read; then the read says that there was one, where one is still made.
        let is_read = self.sides[side].readable && !self.flows[side].finished;
        let is_broken = events & libc::EPOLLERR as u32 != 0 && !is_read;
        outcome.or_else(|| is_broken.then(|| reset_by(side)))
    }

    pub fn pump(&mut self, key: Key, flow: usize, io: &mut Io) -> Option<End> {
        let [client, backend] = &mut self.sides;
        let (source, target) = if flow == UP { (client, backend) } else { (backend, client) };
        let was_finished = self.flows[flow].finished;
        if was_finished {
            return None;
        }
        match self.flows[flow].pump(source, target, io) {
            Ok(Pumped::Waits) => {
                let target = &mut self.sides[1 - flow];
                if !target.writable && target.watch_writes(&io.epoll, token(key, 1 - flow)).is_err() {
                    return Some(End::Killed);
                }
                None
            }
            Ok(Pumped::TurnOver) => {
                let again = self.sides[flow].report_again(&io.epoll, token(key, flow));
                again.is_err().then_some(End::Killed)
            }
            Ok(Pumped::Finished) => {
                self.flows[flow].release(io);
                if self.flows[1 - flow].finished {
                    return Some(End::Finished);
                }
                sys::send_end(&self.sides[1 - flow].fd).is_err().then(|| reset_by(1 - flow))
            }
            Err(Failed::Source) => Some(reset_by(flow)),
            Err(Failed::Target) => Some(reset_by(1 - flow)),
        }
    }

    /// FIN where both have ended, else RST to both.
    pub fn close(self, end: End, io: &mut Io) -> (u64, u64) {
        let [mut up, mut down] = self.flows;
        up.release(io);
        down.release(io);
        for side in self.sides {
            side.close(end != End::Finished);
        }
        (up.bytes, down.bytes)
    }

    pub fn watch(&mut self, key: Key, io: &Io) -> sys::Result<()> {
        for side in [CLIENT, BACKEND] {
            if !self.sides[side].is_watched() {
                self.sides[side].watch(&io.epoll, token(key, side))?;
            }
        }
        Ok(())
    }
}

fn reset_by(side: usize) -> End {
    if side == CLIENT { End::ClientReset } else { End::BackendReset }
}
