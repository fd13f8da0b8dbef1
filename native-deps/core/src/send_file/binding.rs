//! `NativeSendFile` of `dataplane/native/load.ts`.

use std::cell::{Cell, OnceCell, RefCell};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use napi::bindgen_prelude::{Function, JsValue, Object};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::callback::Callback;
use crate::poll::Poll;
use crate::syscall::duplicate;
use crate::uv;

use super::{Progress, Transfer};

const DONE: i32 = 0;
const SHORT: i32 = 1;
const WAITING: i32 = 2;

#[napi]
pub struct NativeSendFile(Rc<Sending>);

struct Sending {
    poll: OnceCell<Poll>,
    /// None when it is over.
    transfer: RefCell<Option<Transfer>>,
    left: Cell<u64>,
    ended: Callback,
}

#[napi]
impl NativeSendFile {
    /// `ended` is called once, with 0: done, 1: the file is too short, or a negative errno; not after `cancel` and not where `start` told
    /// the end already. `start` is owed.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        socket: i32,
        file: i32,
        offset: i64,
        length: i64,
        ended: Function<i32, ()>,
        resource: Object,
    ) -> Result<Self> {
        let open = |fd: i32| {
            // Only for the length of this call.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            duplicate(&fd).map_err(|errno| Error::from_reason(format!("errno {errno}")))
        };
        let left = u64::try_from(length).map_err(|_| Error::from_reason("a negative length"))?;
        let transfer = Transfer { file: open(file)?, socket: open(socket)?, offset, left };
        let values = [ended.raw(), resource.raw(), resource.raw()];
        Ok(Self(Rc::new(Sending {
            poll: OnceCell::new(),
            transfer: RefCell::new(Some(transfer)),
            left: Cell::new(left),
            ended: unsafe { Callback::new(env.raw(), "metacircular.sendfile", values) },
        })))
    }

    /// As `ended` is told, or 2: it goes on, and `ended` tells how it ends.
    #[napi(catch_unwind)]
    pub fn start(&self, env: Env) -> Result<i32> {
        let code = self.0.step();
        if code != WAITING {
            self.0.close();
            return Ok(code);
        }
        let raw = self.0.transfer.borrow().as_ref().map_or(-1, |transfer| transfer.socket.as_raw_fd());
        let sending = Rc::downgrade(&self.0);
        let act = move |event: Option<_>| turn(&sending, event.is_some());
        let poll = unsafe { Poll::start(env.raw(), raw, uv::WRITABLE, act) }.map_err(Error::from_reason)?;
        let _ = self.0.poll.set(poll);
        Ok(WAITING)
    }

    /// Bytes that the system has not taken.
    #[napi(getter)]
    pub fn left(&self) -> i64 {
        self.0.left.get() as i64
    }

    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.0.close();
    }
}

impl Sending {
    fn step(&self) -> i32 {
        let mut transfer = self.transfer.borrow_mut();
        let Some(transfer) = transfer.as_mut() else { return WAITING };
        let progress = transfer.step();
        self.left.set(transfer.left);
        match progress {
            Progress::Done => DONE,
            Progress::Short => SHORT,
            Progress::Waiting => WAITING,
            Progress::Failed(errno) => -errno,
        }
    }

    fn ready(&self) {
        let code = self.step();
        if code == WAITING {
            return;
        }
        self.stop();
        unsafe {
            self.ended.call(code);
            self.ended.release();
        }
    }

    fn close(&self) {
        if self.stop() {
            unsafe { self.ended.release() };
        }
    }

    /// False: it was stopped before.
    fn stop(&self) -> bool {
        if let Some(poll) = self.poll.get() {
            poll.close();
        }
        self.transfer.take().is_some()
    }
}

fn turn(sending: &Weak<Sending>, is_ready: bool) {
    let Some(sending) = sending.upgrade() else { return };
    let act = || if is_ready { sending.ready() } else { sending.close() };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(act)) {
        unsafe { sending.ended.throw_panic(panic.as_ref()) };
        let _ = catch_unwind(AssertUnwindSafe(|| sending.close()));
    }
}
