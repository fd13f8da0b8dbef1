//! One descriptor that the loop of a JavaScript thread polls.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::rc::Rc;

use napi::sys as js;

use crate::uv::{self, Handle, Kind};

/// The descriptor is ready, or (`None`) its thread ends and everything is to be given back.
pub type Event = Option<Ready>;

pub struct Ready;

/// Closes with it; the descriptor must stay open until then.
pub struct Poll(Rc<Inner>);

struct Inner {
    handle: *mut Handle,
    act: Box<dyn Fn(Event)>,
    is_closing: Cell<bool>,
    cleanup: Cell<js::napi_async_cleanup_hook_handle>,
}

impl Poll {
    /// `act` must not panic. The loop lives on while it polls.
    ///
    /// # Safety
    /// Runs on the thread of `env`.
    pub unsafe fn start(
        env: js::napi_env,
        fd: RawFd,
        events: c_int,
        act: impl Fn(Event) + 'static,
    ) -> Result<Self, &'static str> {
        unsafe {
            let mut uv_loop = null_mut();
            if js::napi_get_uv_event_loop(env, &mut uv_loop) != js::Status::napi_ok {
                return Err("the thread has no loop");
            }
            let handle = uv::allocate(Kind::Poll);
            if uv::uv_poll_init(uv_loop.cast(), handle, fd) != 0 {
                uv::free(handle, Kind::Poll);
                return Err("uv_poll_init failed");
            }
            let is_closing = Cell::new(false);
            let inner = Rc::new(Inner { handle, act: Box::new(act), is_closing, cleanup: Cell::new(null_mut()) });
            // Given back when the handle is closed.
            let data = Rc::into_raw(inner.clone()).cast_mut().cast();
            uv::uv_handle_set_data(handle, data);
            uv::uv_poll_start(handle, events, on_ready);
            let mut cleanup = null_mut();
            js::napi_add_async_cleanup_hook(env, Some(on_cleanup), data, &mut cleanup);
            inner.cleanup.set(cleanup);
            Ok(Self(inner))
        }
    }

    pub fn close(&self) {
        self.0.close();
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn close(&self) {
        if !self.is_closing.replace(true) {
            unsafe { uv::uv_close(self.handle, on_closed) };
        }
    }
}

unsafe extern "C" fn on_ready(handle: *mut Handle, _status: c_int, _events: c_int) {
    let inner = unsafe { &*uv::uv_handle_get_data(handle).cast::<Inner>() };
    (inner.act)(Some(Ready));
}

unsafe extern "C" fn on_cleanup(_: js::napi_async_cleanup_hook_handle, inner: *mut c_void) {
    let inner = unsafe { &*inner.cast::<Inner>() };
    (inner.act)(None);
    inner.close();
}

unsafe extern "C" fn on_closed(handle: *mut Handle) {
    unsafe {
        let inner = Rc::from_raw(uv::uv_handle_get_data(handle).cast_const().cast::<Inner>());
        uv::free(handle, Kind::Poll);
        js::napi_remove_async_cleanup_hook(inner.cleanup.replace(null_mut()));
    }
}
