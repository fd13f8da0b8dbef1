//! From the decision to relay until bytes flow: one attempt at one backend, with nothing of the client's consumed before it stands.

use super::super::flow::Flow;
use super::super::io::Io;
use super::super::relay::{Relay, UP};
use super::super::side::{BACKEND, Side, token};
use super::super::slots::Key;
use super::super::sys::{self, Errno};
use super::super::wire::{End, Event, Plan};
use super::{Connection, Phase, Step, Waiting};

pub struct Connecting {
    backend: Side,
    prefix: Box<[u8]>,
    skip: u32,
    idle_timeout_ms: u32,
    pub deadline_ms: u64,
}

impl Connection {
    pub fn connect(&mut self, mut waiting: Waiting, plan: &Plan, bytes: &[u8], key: Key, io: &mut Io) -> Step {
        let backend = match sys::connect(plan.backend) {
            Ok(fd) => Side::backend(fd),
            Err(errno) => return self.connect_failed(waiting, errno, key, io),
        };
        waiting.wake_at_any();
        let prefix = &bytes[plan.prefix.offset as usize..][..plan.prefix.length as usize];
        let idle_timeout_ms = plan.idle_timeout_ms;
        // A backend nearby has accepted by now.
        if waiting.epoch == io.area.epoch() {
            let peeked = io.area.bytes(waiting.peeked);
            let opening = &peeked[(plan.skip as usize).min(peeked.len())..];
            if !opening.is_empty() {
                match sys::send_both(&backend.fd, prefix, opening) {
                    Ok(count) => {
                        let mut up = Flow::begun(opening.len());
                        let mut backend = backend;
                        if count < prefix.len() + opening.len() {
                            up.keep(&[prefix, opening].concat()[count..], &mut backend);
                        }
                        let _ = sys::discard(&waiting.client.fd, peeked.len());
                        return self.relay(waiting, backend, up, idle_timeout_ms, key, io);
                    }
                    Err(libc::EAGAIN) => {}
                    Err(errno) => {
                        let errno = sys::connect_outcome(&backend.fd).err().unwrap_or(errno);
                        return self.connect_failed(waiting, errno, key, io);
                    }
                }
            }
        }
        let deadline_ms = io.now_ms + u64::from(plan.connect_timeout_ms);
        let mut connecting =
            Box::new(Connecting { backend, prefix: prefix.into(), skip: plan.skip, idle_timeout_ms, deadline_ms });
        if let Err(errno) = connecting.backend.watch_writes(&io.epoll, token(key, BACKEND)) {
            return self.connect_failed(waiting, errno, key, io);
        }
        io.set_timer(key, deadline_ms);
        self.stay(Phase::Connecting(waiting, connecting))
    }

    pub fn connect_decided(&mut self, waiting: Waiting, connecting: Connecting, key: Key, io: &mut Io) -> Step {
        if let Err(errno) = sys::connect_outcome(&connecting.backend.fd) {
            return self.connect_failed(waiting, errno, key, io);
        }
        let Connecting { mut backend, prefix, skip, idle_timeout_ms, .. } = connecting;
        if skip > 0 {
            let _ = sys::discard(&waiting.client.fd, skip as usize);
        }
        let count = match sys::receive(&waiting.client.fd, &mut io.scratch) {
            Ok(count) => count,
            Err(libc::EAGAIN) => 0,
            Err(_) => return over_at_once(waiting.client, backend, End::ClientReset, key, io),
        };
        let opening = &io.scratch[..count];
        let mut up = Flow::begun(count);
        if prefix.len() + opening.len() > 0 {
            let sent = match sys::send_both(&backend.fd, &prefix, opening) {
                Ok(sent) => sent,
                Err(libc::EAGAIN) => 0,
                // It accepted and was gone before the first bytes could be written. They are consumed: no other backend can have them.
                Err(_) => return over_at_once(waiting.client, backend, End::BackendReset, key, io),
            };
            if sent < prefix.len() + opening.len() {
                up.keep(&[&prefix, opening].concat()[sent..], &mut backend);
            }
        }
        self.relay(waiting, backend, up, idle_timeout_ms, key, io)
    }

    pub fn connect_failed(&mut self, waiting: Waiting, errno: Errno, key: Key, io: &mut Io) -> Step {
        io.wheel.cancel(key.slot);
        io.tell(key, &Event::ConnectFailed { errno });
        self.stay(Phase::Waiting(Waiting { at_least: 0, ..waiting }))
    }

    fn relay(&mut self, waiting: Waiting, backend: Side, up: Flow, idle_ms: u32, key: Key, io: &mut Io) -> Step {
        io.tell(key, &Event::Connected);
        let mut client = waiting.client;
        // What was told while the connection waited is not told again.
        client.readable = client.is_watched();
        let mut relay = new_relay(client, backend, up, idle_ms, io);
        io.set_timer(key, relay.active_ms + relay.idle_timeout_ms);
        let end = match relay.watch(key, io) {
            Ok(()) => relay.pump(key, UP, io),
            Err(_) => Some(End::Killed),
        };
        match end {
            None => self.stay(Phase::Relaying(Box::new(relay))),
            Some(end) => over(relay, end, key, io),
        }
    }
}

fn new_relay(client: Side, backend: Side, up: Flow, idle_timeout_ms: u32, io: &Io) -> Relay {
    Relay {
        sides: [client, backend],
        flows: [up, Flow::default()],
        idle_timeout_ms: idle_timeout_ms.into(),
        active_ms: io.now_ms,
    }
}

fn over_at_once(client: Side, backend: Side, end: End, key: Key, io: &mut Io) -> Step {
    io.tell(key, &Event::Connected);
    let relay = new_relay(client, backend, Flow::default(), 0, io);
    over(relay, end, key, io)
}

pub fn over(relay: Relay, end: End, key: Key, io: &mut Io) -> Step {
    let (up, down) = relay.close(end, io);
    io.tell(key, &Event::RelayClosed { end, up, down });
    Step::Goes
}
