//! `NativeDatagrams` of `dataplane/native/load.ts`.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use napi::bindgen_prelude::{ArrayBuffer, Function, JsValue, Object};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::address::Address;
use crate::callback::Callback;
use crate::poll::Poll;
use crate::uv;

use super::batch::Batch;
use super::socket;

/// Batches of one wake-up: a flood must not keep the loop from everything else.
const ROUNDS: usize = 8;

#[napi]
pub struct NativeDatagrams(Rc<Datagrams>);

#[napi(object)]
pub struct DatagramFigures {
    pub received: i64,
    pub sent: i64,
    pub dropped: i64,
}

#[derive(Default)]
struct Counts {
    received: Cell<i64>,
    sent: Cell<i64>,
    dropped: Cell<i64>,
}

struct Datagrams {
    poll: OnceCell<Poll>,
    /// Closes after `poll`, which must not poll a closed one.
    fd: RefCell<Option<OwnedFd>>,
    batch: RefCell<Batch>,
    batch_size: usize,
    wake: Callback,
    counts: Counts,
    is_closed: Cell<bool>,
}

#[napi]
impl NativeDatagrams {
    /// `wake` is called with the number of datagrams in `memory` (see `batch.rs`), or with a negative errno. It, and with it the caller,
    /// is held until `close`, which is owed also where `bind` failed.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        memory: ArrayBuffer,
        batch: u32,
        max_bytes: u32,
        wake: Function<i32, ()>,
        resource: Object,
    ) -> Result<Self> {
        let (batch_size, max_bytes) = (batch as usize, max_bytes as usize);
        if memory.len() < Batch::memory_bytes(batch_size, max_bytes) {
            return Err(Error::from_reason("the memory is too small"));
        }
        let values = [wake.raw(), resource.raw(), memory.raw()];
        Ok(Self(Rc::new(Datagrams {
            poll: OnceCell::new(),
            fd: RefCell::new(None),
            batch: RefCell::new(unsafe { Batch::new(memory.as_ptr().cast_mut(), batch_size, max_bytes) }),
            batch_size,
            wake: unsafe { Callback::new(env.raw(), "metacircular.datagrams", values) },
            counts: Counts::default(),
            is_closed: Cell::new(false),
        })))
    }

    /// `words`: four, most significant first. Once. A negative errno, or 0.
    #[napi(catch_unwind)]
    pub fn bind(&self, env: Env, words: Vec<u32>, port: u32) -> Result<i32> {
        let Some(address) = address_of(words, port) else { return Ok(-libc::EINVAL) };
        let fd = match socket::bind(address) {
            Ok(fd) => fd,
            Err(errno) => return Ok(-errno),
        };
        let raw = fd.as_raw_fd();
        self.0.fd.replace(Some(fd));
        let datagrams = Rc::downgrade(&self.0);
        let act = move |event: Option<_>| turn(&datagrams, event.is_some());
        let poll = unsafe { Poll::start(env.raw(), raw, uv::READABLE, act) }.map_err(Error::from_reason)?;
        let _ = self.0.poll.set(poll);
        Ok(0)
    }

    /// Four words and the port; empty when it is closed.
    #[napi(catch_unwind)]
    pub fn address(&self) -> Vec<u32> {
        let local = self.0.fd.borrow().as_ref().and_then(|fd| Address::local(fd).ok());
        local.map_or_else(Vec::new, |Address { words: [a, b, c, d], port }| vec![a, b, c, d, port.into()])
    }

    #[napi(catch_unwind)]
    pub fn send(&self, bytes: &[u8], peer: Vec<u32>, port: u32, local: Vec<u32>) {
        let addresses = address_of(peer, port).zip(address_of(local, 0));
        let fd = self.0.fd.borrow();
        let sent = fd.as_ref().zip(addresses).map(|(fd, (peer, local))| socket::send(fd, bytes, peer, local));
        let count = if matches!(sent, Some(Ok(()))) { &self.0.counts.sent } else { &self.0.counts.dropped };
        count.set(count.get() + 1);
    }

    #[napi(catch_unwind)]
    pub fn figures(&self) -> DatagramFigures {
        let Counts { received, sent, dropped } = &self.0.counts;
        DatagramFigures { received: received.get(), sent: sent.get(), dropped: dropped.get() }
    }

    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.0.close();
    }
}

impl Datagrams {
    fn ready(&self) {
        for _ in 0..ROUNDS {
            // Held while JavaScript runs, which may close it.
            let Some(received) = self.fd.borrow().as_ref().map(|fd| self.batch.borrow_mut().receive(fd)) else {
                return;
            };
            let count = match received {
                Ok(count) => count,
                Err(libc::EAGAIN | libc::EINTR) => return,
                Err(errno) => {
                    unsafe { self.wake.call(-errno) };
                    return;
                }
            };
            self.counts.received.set(self.counts.received.get() + count as i64);
            unsafe { self.wake.call(count as i32) };
            self.reply(count);
            if count < self.batch_size {
                return;
            }
        }
    }

    fn reply(&self, count: usize) {
        let fd = self.fd.borrow();
        let Some(fd) = fd.as_ref() else { return };
        let done = self.batch.borrow_mut().reply(fd, count);
        self.counts.sent.set(self.counts.sent.get() + done.sent as i64);
        self.counts.dropped.set(self.counts.dropped.get() + done.dropped as i64);
    }

    fn close(&self) {
        if self.is_closed.replace(true) {
            return;
        }
        if let Some(poll) = self.poll.get() {
            poll.close();
        }
        self.fd.take();
        unsafe { self.wake.release() };
    }
}

fn turn(datagrams: &Weak<Datagrams>, is_ready: bool) {
    let Some(datagrams) = datagrams.upgrade() else { return };
    let act = || if is_ready { datagrams.ready() } else { datagrams.close() };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(act)) {
        unsafe { datagrams.wake.throw_panic(panic.as_ref()) };
        let _ = catch_unwind(AssertUnwindSafe(|| datagrams.close()));
    }
}

fn address_of(words: Vec<u32>, port: u32) -> Option<Address> {
    Some(Address { words: words.try_into().ok()?, port: port.try_into().ok()? })
}
