//! `NativeReactor` of `dataplane/native/load.ts`.

use std::rc::Rc;

use napi::bindgen_prelude::{ArrayBuffer, Function, JsValue, Object};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::address::Address;

use super::host::Host;
use super::shared::Shared;
use super::slots::Key;
use super::sys;

#[napi]
pub struct NativeReactor {
    host: Rc<Host>,
}

/// Whole numbers, as JavaScript has them.
#[napi(object)]
pub struct ReactorFigures {
    pub connections: u32,
    pub timers: u32,
    pub pipes: u32,
    pub idle_pipes: u32,
}

#[napi]
impl NativeReactor {
    /// `wake` is called with a number of event records in `memory`; `resource` is what async hooks see.
    #[napi(constructor)]
    pub fn new(env: Env, memory: ArrayBuffer, wake: Function<u32, ()>, resource: Object) -> Result<Self> {
        let start = memory.as_ptr().cast_mut();
        let shared = Shared::new(start, memory.len()).ok_or_else(|| Error::from_reason("the memory is too small"))?;
        let values = [memory.raw(), wake.raw(), resource.raw()];
        let host = unsafe { Host::start(env.raw(), shared, values) }.map_err(Error::from_reason)?;
        Ok(Self { host })
    }

    /// `words`: four, most significant first. The number of the listener, or a negative errno.
    #[napi(catch_unwind)]
    pub fn listen(&self, words: Vec<u32>, port: u32, backlog: u32) -> i32 {
        let Ok(words) = words.try_into() else { return -libc::EINVAL };
        self.open(sys::listen(Address { words, port: port as u16 }, backlog), false)
    }

    /// On a descriptor of its own for the socket; the one given stays open. The number of the listener, or a negative errno.
    #[napi(catch_unwind)]
    pub fn listen_inherited(&self, fd: i32, backlog: u32) -> i32 {
        self.open(sys::listen_inherited(fd, backlog), true)
    }

    #[napi(catch_unwind)]
    pub fn unlisten(&self, listener: u32) {
        self.host.unlisten(listener);
    }

    /// Four words and the port; empty when it is closed.
    #[napi(catch_unwind)]
    pub fn listener_address(&self, listener: u32) -> Vec<u32> {
        words_of(self.host.core().borrow().listener_address(listener))
    }

    #[napi(catch_unwind)]
    pub fn local_address(&self, slot: u32, generation: u32) -> Vec<u32> {
        words_of(self.host.core().borrow_mut().local_address(Key { slot, generation }))
    }

    #[napi(catch_unwind)]
    pub fn bytes_up(&self, slot: u32, generation: u32) -> f64 {
        self.traffic(slot, generation).0 as f64
    }

    #[napi(catch_unwind)]
    pub fn bytes_down(&self, slot: u32, generation: u32) -> f64 {
        self.traffic(slot, generation).1 as f64
    }

    /// The descriptor, which is the caller's from now on; -1 when the connection is gone.
    #[napi(catch_unwind)]
    pub fn adopt(&self, slot: u32, generation: u32, skip: u32) -> i32 {
        let fd = self.host.core().borrow_mut().adopt(Key { slot, generation }, skip);
        self.host.settle();
        fd.unwrap_or(-1)
    }

    /// Does what was written into the commands. True: `wake` has something to be told, by `tell` at the latest in the next turn.
    #[napi(catch_unwind)]
    pub fn flush(&self) -> bool {
        self.host.flush()
    }

    #[napi(catch_unwind)]
    pub fn tell(&self) {
        self.host.tell();
        self.host.settle();
    }

    #[napi(catch_unwind)]
    pub fn figures(&self) -> ReactorFigures {
        let figures = self.host.core().borrow().figures();
        ReactorFigures {
            connections: figures.connections as u32,
            timers: figures.timers as u32,
            pipes: figures.pipes as u32,
            idle_pipes: figures.idle_pipes as u32,
        }
    }

    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.host.close();
    }
}

impl NativeReactor {
    fn open(&self, listener: sys::Result<std::os::fd::OwnedFd>, is_shared: bool) -> i32 {
        let opened = listener.and_then(|fd| self.host.core().borrow_mut().listen(fd, is_shared));
        self.host.settle();
        opened.map_or_else(|errno| -errno, |index| index as i32)
    }

    fn traffic(&self, slot: u32, generation: u32) -> (u64, u64) {
        self.host.core().borrow_mut().traffic(Key { slot, generation }).unwrap_or_default()
    }
}

fn words_of(address: sys::Result<Address>) -> Vec<u32> {
    address.map_or_else(|_| Vec::new(), |Address { words: [a, b, c, d], port }| vec![a, b, c, d, port.into()])
}
