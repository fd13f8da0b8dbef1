//! A reactor on the loop of its JavaScript thread. libuv polls the reactor's epoll descriptor; when something is there JavaScript is
//! called with all of it at once, and what it decided is done when it returns.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::rc::Rc;

use napi::sys as js;

use crate::callback::Callback;
use crate::uv::{self, Handle, Kind};

use super::core::Core;
use super::shared::Shared;

const NEVER: u64 = u64::MAX;
/// Batches that a listener accepts before it closes; more than a queue of 4096 holds, and an end under a flood.
const MAX_LAST_ACCEPTS: usize = 64;

pub struct Host {
    uv: *mut uv::Loop,
    core: RefCell<Core>,
    shared: Shared,
    poll: Cell<*mut Handle>,
    timer: Cell<*mut Handle>,
    /// When the timer fires.
    armed_ms: Cell<u64>,
    keeps_loop: Cell<bool>,
    /// JavaScript is being told: what it calls meanwhile is not told in between.
    is_telling: Cell<bool>,
    is_closing: Cell<bool>,
    open_handles: Cell<u32>,
    wake: Callback,
    cleanup: Cell<js::napi_async_cleanup_hook_handle>,
}

impl Host {
    /// # Safety
    /// Runs on the thread of `env`; the values are an ArrayBuffer (which `shared` lies in), a function and an object.
    pub unsafe fn start(
        env: js::napi_env,
        shared: Shared,
        [buffer, callback, resource]: [js::napi_value; 3],
    ) -> Result<Rc<Self>, &'static str> {
        unsafe {
            let mut uv_loop = null_mut();
            if js::napi_get_uv_event_loop(env, &mut uv_loop) != js::Status::napi_ok {
                return Err("the thread has no loop");
            }
            let uv_loop = uv_loop.cast::<uv::Loop>();
            let core = Core::new(shared.area(), uv::uv_now(uv_loop)).map_err(|_| "epoll_create1 failed")?;
            let wake = Callback::new(env, "metacircular.reactor", [callback, resource, buffer]);
            let poll = uv::allocate(Kind::Poll);
            if uv::uv_poll_init(uv_loop, poll, core.raw_epoll()) != 0 {
                uv::free(poll, Kind::Poll);
                wake.release();
                return Err("uv_poll_init failed");
            }
            let timer = uv::allocate(Kind::Timer);
            uv::uv_timer_init(uv_loop, timer);
            let host = Rc::new(Self {
                uv: uv_loop,
                core: RefCell::new(core),
                shared,
                poll: Cell::new(poll),
                timer: Cell::new(timer),
                armed_ms: Cell::new(NEVER),
                keeps_loop: Cell::new(false),
                is_telling: Cell::new(false),
                is_closing: Cell::new(false),
                open_handles: Cell::new(2),
                wake,
                cleanup: Cell::new(null_mut()),
            });
            for handle in [poll, timer] {
                uv::uv_handle_set_data(handle, Rc::into_raw(host.clone()).cast_mut().cast());
                uv::uv_unref(handle);
            }
            uv::uv_poll_start(poll, uv::READABLE, on_ready);
            let mut cleanup = null_mut();
            js::napi_add_async_cleanup_hook(env, Some(on_cleanup), Rc::as_ptr(&host).cast_mut().cast(), &mut cleanup);
            host.cleanup.set(cleanup);
            Ok(host)
        }
    }

    pub fn core(&self) -> &RefCell<Core> {
        &self.core
    }

    /// Does what JavaScript wrote into the commands. True: there is something to tell, which waits for `tell` or the next turn.
    pub fn flush(&self) -> bool {
        let has_events = self.execute();
        self.settle();
        has_events
    }

    /// Whoever has connected by now is still served.
    pub fn unlisten(&self, listener: u32) {
        for _ in 0..MAX_LAST_ACCEPTS {
            let may_wait = self.core.borrow_mut().accept_waiting(listener, unsafe { uv::uv_now(self.uv) });
            self.tell();
            if !may_wait {
                break;
            }
        }
        self.core.borrow_mut().unlisten(listener);
        self.settle();
    }

    /// Tells JavaScript what there is to be told, unless it is being told already.
    pub fn tell(&self) {
        if self.is_telling.replace(true) {
            return;
        }
        while !self.is_closing.get() {
            let count = self.core.borrow_mut().take_events(unsafe { self.shared.events() });
            if count == 0 {
                break;
            }
            unsafe { self.wake.call(count as i32) };
            self.execute();
        }
        self.core.borrow_mut().forget_bytes();
        self.is_telling.set(false);
    }

    /// After anything that may have changed when to wake up next, or whether there is anything to wait for.
    pub fn settle(&self) {
        if self.is_closing.get() {
            return;
        }
        let core = self.core.borrow();
        let keeps_loop = !core.is_idle();
        if keeps_loop != self.keeps_loop.replace(keeps_loop) {
            unsafe { if keeps_loop { uv::uv_ref(self.poll.get()) } else { uv::uv_unref(self.poll.get()) } };
        }
        let due_ms = core.next_due_ms().unwrap_or(NEVER);
        // A timer that fires too early costs one turn; one is set anew with each connection otherwise.
        if due_ms < self.armed_ms.get() {
            self.arm(due_ms);
        }
    }

    /// Closes what is open and gives everything back. Nothing is told any more.
    pub fn close(&self) {
        if self.is_closing.replace(true) {
            return;
        }
        unsafe {
            for handle in [self.poll.get(), self.timer.get()] {
                uv::uv_close(handle, on_closed);
            }
            self.core.borrow_mut().close();
            self.wake.release();
        }
    }

    fn turn(&self) {
        while !self.is_closing.get() {
            let has_more = self.core.borrow_mut().turn(unsafe { uv::uv_now(self.uv) });
            self.tell();
            if !has_more {
                break;
            }
        }
        self.settle();
    }

    fn execute(&self) -> bool {
        let mut core = self.core.borrow_mut();
        if !self.is_closing.get() {
            let (records, bytes) = unsafe { self.shared.take_commands() };
            core.execute(records, bytes, unsafe { uv::uv_now(self.uv) });
        }
        core.has_events()
    }

    fn arm(&self, due_ms: u64) {
        self.armed_ms.set(due_ms);
        unsafe {
            let delay_ms = due_ms.saturating_sub(uv::uv_now(self.uv));
            uv::uv_timer_start(self.timer.get(), on_time, delay_ms, 0);
        }
    }

    fn timer_fired(&self) {
        self.armed_ms.set(NEVER);
        self.turn();
    }

    /// A panic ends the reactor and is thrown at its thread as an uncaught exception: a worker ends by it and is replaced, and the
    /// others go on. It never unwinds into libuv.
    fn guard(&self, act: impl FnOnce(&Self)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| act(self))) {
            let _ = catch_unwind(AssertUnwindSafe(|| self.close()));
            unsafe { self.wake.throw_panic(panic.as_ref()) };
        }
    }
}

unsafe fn host_of<'a>(handle: *mut Handle) -> &'a Host {
    unsafe { &*uv::uv_handle_get_data(handle).cast::<Host>() }
}

unsafe extern "C" fn on_ready(handle: *mut Handle, _status: c_int, _events: c_int) {
    unsafe { host_of(handle) }.guard(Host::turn);
}

unsafe extern "C" fn on_time(handle: *mut Handle) {
    unsafe { host_of(handle) }.guard(Host::timer_fired);
}

/// The thread ends.
unsafe extern "C" fn on_cleanup(_: js::napi_async_cleanup_hook_handle, host: *mut c_void) {
    unsafe { &*host.cast::<Host>() }.guard(Host::close);
}

unsafe extern "C" fn on_closed(handle: *mut Handle) {
    unsafe {
        let host = Rc::from_raw(uv::uv_handle_get_data(handle).cast_const().cast::<Host>());
        uv::free(handle, if handle == host.poll.get() { Kind::Poll } else { Kind::Timer });
        host.open_handles.set(host.open_handles.get() - 1);
        if host.open_handles.get() == 0 {
            js::napi_remove_async_cleanup_hook(host.cleanup.replace(null_mut()));
        }
    }
}
