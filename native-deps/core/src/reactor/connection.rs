//! The life of one connection: waiting for a decision, connecting to a backend, relaying, or lingering after a reply.

mod connecting;

use std::os::fd::{IntoRawFd, OwnedFd, RawFd};

use super::io::Io;
use super::relay::Relay;
use super::side::{CLIENT, Side, token};
use super::slots::Key;
use super::sys;
use super::wire::{Command, End, Event, Span};
use connecting::{Connecting, over};

/// Peeked at once: the hello of any browser, a post-quantum one too, with a PROXY header before it.
pub const FIRST_PEEK: usize = 4096;
/// From here on the kernel wakes nobody before all is there, and makes room for it.
const WAKE_AT_FROM: u32 = 16 * 1024;
/// The answer to a client that spoke something else is on its way; then the connection goes, whatever the client does.
const LINGER_MS: u64 = 2000;
/// Reads of one event; nobody sends a mebibyte to be told where to go.
const MAX_DRAINED: usize = 16;

pub enum Phase {
    Waiting(Waiting),
    Connecting(Waiting, Box<Connecting>),
    Relaying(Box<Relay>),
    Lingering(Side),
}

pub struct Waiting {
    client: Side,
    accepted_ms: u64,
    deadline_ms: u64,
    /// 0: the handler owes a decision.
    at_least: u32,
    wakes_at: bool,
    /// What was peeked last; the bytes are in the area while its epoch is this.
    peeked: Span,
    epoch: u64,
}

/// What has become of a connection.
pub enum Step {
    Stays,
    Goes,
    /// The area has no room for what is to be peeked: JavaScript first has to see what lies there.
    NeedsRoom,
}

pub struct Connection {
    /// Taken only while it changes from one phase to the next.
    phase: Option<Phase>,
}

impl Connection {
    pub fn accepted(client: OwnedFd, peeked: Span, has_ended: bool, io: &Io) -> Self {
        let mut client = Side::client(client);
        client.is_last = has_ended;
        let waiting = Waiting {
            client,
            accepted_ms: io.now_ms,
            deadline_ms: 0,
            at_least: 0,
            wakes_at: false,
            peeked,
            epoch: io.area.epoch(),
        };
        Self { phase: Some(Phase::Waiting(waiting)) }
    }

    /// Bytes relayed so far, up and down.
    pub fn traffic(&self) -> (u64, u64) {
        match &self.phase {
            Some(Phase::Relaying(relay)) => (relay.flows[0].bytes, relay.flows[1].bytes),
            _ => (0, 0),
        }
    }

    pub fn client(&self) -> Option<&OwnedFd> {
        Some(match self.phase.as_ref()? {
            Phase::Waiting(waiting) | Phase::Connecting(waiting, _) => &waiting.client.fd,
            Phase::Relaying(relay) => &relay.sides[CLIENT].fd,
            Phase::Lingering(client) => &client.fd,
        })
    }

    pub fn ready(&mut self, key: Key, side: usize, events: u32, io: &mut Io) -> Step {
        match self.phase.take() {
            Some(Phase::Waiting(waiting)) => self.bytes_came(waiting, key, events, io),
            Some(Phase::Connecting(mut waiting, connecting)) => {
                if side == CLIENT {
                    waiting.client.note(events);
                    return self.stay(Phase::Connecting(waiting, connecting));
                }
                self.connect_decided(waiting, *connecting, key, io)
            }
            Some(Phase::Relaying(mut relay)) => match relay.ready(key, side, events, io) {
                None => self.stay(Phase::Relaying(relay)),
                Some(end) => over(*relay, end, key, io),
            },
            Some(Phase::Lingering(mut client)) => {
                client.note(events);
                match drain(&mut client, io) {
                    Drained::Open => self.stay(Phase::Lingering(client)),
                    Drained::Ended | Drained::Gone => Step::Goes,
                }
            }
            None => Step::Goes,
        }
    }

    pub fn timer_fired(&mut self, key: Key, io: &mut Io) -> Step {
        let now_ms = io.now_ms;
        match self.phase.take() {
            Some(Phase::Waiting(mut waiting)) => {
                if now_ms < waiting.deadline_ms {
                    io.set_timer(key, waiting.deadline_ms);
                } else if waiting.at_least > 0 {
                    waiting.at_least = 0;
                    io.tell(key, &Event::HelloTimeout);
                }
                self.stay(Phase::Waiting(waiting))
            }
            Some(Phase::Connecting(waiting, connecting)) => {
                if now_ms < connecting.deadline_ms {
                    io.set_timer(key, connecting.deadline_ms);
                    return self.stay(Phase::Connecting(waiting, connecting));
                }
                self.connect_failed(waiting, libc::ETIMEDOUT, key, io)
            }
            Some(Phase::Relaying(relay)) => {
                let deadline_ms = relay.active_ms + relay.idle_timeout_ms;
                if now_ms < deadline_ms {
                    io.set_timer(key, deadline_ms);
                    return self.stay(Phase::Relaying(relay));
                }
                over(*relay, End::IdleTimeout, key, io)
            }
            Some(Phase::Lingering(_)) | None => Step::Goes,
        }
    }

    /// `bytes` came with the commands. A command that does not fit the phase is ignored: it was decided before the phase changed.
    pub fn decided(&mut self, key: Key, command: Command, bytes: &[u8], io: &mut Io) -> Step {
        match (command, self.phase.take()) {
            (Command::More { at_least, timeout_ms }, Some(Phase::Waiting(waiting))) => {
                self.wait_for(waiting, at_least, timeout_ms, key, io)
            }
            (Command::Relay(plan), Some(Phase::Waiting(waiting))) => self.connect(waiting, &plan, bytes, key, io),
            (Command::Reply(span), Some(Phase::Waiting(waiting))) => {
                let reply = &bytes[span.offset as usize..][..span.length as usize];
                self.reply(waiting, reply, key, io)
            }
            (Command::Reset | Command::Kill, Some(Phase::Waiting(waiting))) => {
                // The kernel resets by itself a connection that is closed with bytes unread.
                let has_unread = waiting.peeked.length > 0;
                waiting.client.close(!has_unread);
                Step::Goes
            }
            (Command::Reset | Command::Kill, Some(Phase::Connecting(waiting, _))) => {
                waiting.client.close(true);
                Step::Goes
            }
            (Command::Kill, Some(Phase::Relaying(relay))) => over(*relay, End::Killed, key, io),
            (_, phase) => {
                self.phase = phase;
                Step::Stays
            }
        }
    }

    /// The client's socket, with nothing consumed but `skip`; null, and nothing is changed, in other phases. Whoever takes it closes it.
    pub fn adopt(&mut self, skip: u32, io: &mut Io) -> Option<RawFd> {
        match self.phase.take() {
            Some(Phase::Waiting(mut waiting)) => {
                waiting.client.unwatch(&io.epoll);
                waiting.wake_at_any();
                if skip > 0 {
                    let _ = sys::discard(&waiting.client.fd, skip as usize);
                }
                Some(waiting.client.fd.into_raw_fd())
            }
            phase => {
                self.phase = phase;
                None
            }
        }
    }

    fn stay(&mut self, phase: Phase) -> Step {
        self.phase = Some(phase);
        Step::Stays
    }

    fn wait_for(&mut self, mut waiting: Waiting, at_least: u32, timeout_ms: u32, key: Key, io: &mut Io) -> Step {
        let is_first = waiting.deadline_ms == 0;
        if is_first {
            waiting.deadline_ms = waiting.accepted_ms + u64::from(timeout_ms);
            io.set_timer(key, waiting.deadline_ms);
        }
        waiting.at_least = at_least.max(1);
        if at_least >= WAKE_AT_FROM {
            sys::wake_at(&waiting.client.fd, at_least);
            waiting.wakes_at = true;
        }
        // Looks again at what is there: more than was peeked may have been there already.
        let token = token(key, CLIENT);
        let watched = if waiting.client.is_watched() {
            waiting.client.report_again(&io.epoll, token)
        } else {
            waiting.client.watch(&io.epoll, token)
        };
        if watched.is_err() {
            waiting.client.close(true);
            io.tell(key, &Event::Closed);
            return Step::Goes;
        }
        self.stay(Phase::Waiting(waiting))
    }

    fn bytes_came(&mut self, mut waiting: Waiting, key: Key, events: u32, io: &mut Io) -> Step {
        waiting.client.note(events);
        if waiting.at_least == 0 {
            return self.stay(Phase::Waiting(waiting));
        }
        let wanted = waiting.at_least as usize;
        // One who sends byte by byte is asked how many there are, so that all of them are copied once and not with each byte.
        if wanted > FIRST_PEEK && !waiting.client.is_last {
            match sys::available(&waiting.client.fd) {
                Ok(count) if count < wanted => return self.stay(Phase::Waiting(waiting)),
                _ => {}
            }
        }
        let count = wanted.max(FIRST_PEEK);
        if !io.area.has_room(count) {
            self.phase = Some(Phase::Waiting(waiting));
            return Step::NeedsRoom;
        }
        match io.area.peek(&waiting.client.fd, count) {
            Ok(span) if span.length as usize >= wanted => {
                waiting.at_least = 0;
                waiting.peeked = span;
                waiting.epoch = io.area.epoch();
                io.tell(key, &Event::Bytes(span));
                self.stay(Phase::Waiting(waiting))
            }
            // It ended, or was reset, before what the handler wants was there.
            Ok(span) if span.length == 0 || waiting.client.is_last => {
                io.tell(key, &Event::Closed);
                Step::Goes
            }
            Ok(_) | Err(libc::EAGAIN) => self.stay(Phase::Waiting(waiting)),
            Err(_) => {
                io.tell(key, &Event::Closed);
                Step::Goes
            }
        }
    }

    fn reply(&mut self, waiting: Waiting, reply: &[u8], key: Key, io: &mut Io) -> Step {
        let mut client = waiting.client;
        let drained = drain(&mut client, io);
        if drained == Drained::Gone || sys::send(&client.fd, reply, true) != Ok(reply.len()) {
            return Step::Goes;
        }
        // Nothing is unread and nothing more comes: closing sends the end after the reply.
        if drained == Drained::Ended || sys::send_end(&client.fd).is_err() {
            return Step::Goes;
        }
        if !client.is_watched() && client.watch(&io.epoll, token(key, CLIENT)).is_err() {
            return Step::Goes;
        }
        io.set_timer(key, io.now_ms + LINGER_MS);
        self.stay(Phase::Lingering(client))
    }
}

impl Waiting {
    fn wake_at_any(&mut self) {
        if self.wakes_at {
            sys::wake_at(&self.client.fd, 1);
            self.wakes_at = false;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Drained {
    Open,
    Ended,
    Gone,
}

/// Reads and forgets what is there.
fn drain(client: &mut Side, io: &mut Io) -> Drained {
    for _ in 0..MAX_DRAINED {
        match sys::receive(&client.fd, &mut io.scratch) {
            Ok(0) => return Drained::Ended,
            Ok(_) => {}
            Err(libc::EAGAIN) => return Drained::Open,
            Err(_) => return Drained::Gone,
        }
    }
    Drained::Gone
}
