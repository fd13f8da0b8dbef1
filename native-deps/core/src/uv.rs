//! What of libuv is used; node exports its symbols. A handle lives on the heap until its close callback ran.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::{c_int, c_void};

#[repr(C)]
pub struct Loop {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct Handle {
    _opaque: [u8; 0],
}

pub type PollCallback = unsafe extern "C" fn(*mut Handle, c_int, c_int);
pub type HandleCallback = unsafe extern "C" fn(*mut Handle);

pub const READABLE: c_int = 1;
pub const WRITABLE: c_int = 2;

/// `uv_handle_type`; fixed for the life of libuv 1.
#[derive(Clone, Copy)]
pub enum Kind {
    Poll = 8,
    Timer = 13,
}

unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    pub fn uv_poll_init(uv: *mut Loop, handle: *mut Handle, fd: c_int) -> c_int;
    pub fn uv_poll_start(handle: *mut Handle, events: c_int, callback: PollCallback) -> c_int;
    pub fn uv_timer_init(uv: *mut Loop, handle: *mut Handle) -> c_int;
    pub fn uv_timer_start(handle: *mut Handle, callback: HandleCallback, timeout_ms: u64, repeat_ms: u64) -> c_int;
    pub fn uv_close(handle: *mut Handle, callback: HandleCallback);
    pub fn uv_ref(handle: *mut Handle);
    pub fn uv_unref(handle: *mut Handle);
    pub fn uv_now(uv: *const Loop) -> u64;
    pub fn uv_handle_set_data(handle: *mut Handle, data: *mut c_void);
    pub fn uv_handle_get_data(handle: *const Handle) -> *mut c_void;
}

fn layout(kind: Kind) -> Layout {
    let size = unsafe { uv_handle_size(kind as c_int) };
    Layout::from_size_align(size, 16).expect("a handle is small")
}

pub fn allocate(kind: Kind) -> *mut Handle {
    let layout = layout(kind);
    let handle = unsafe { alloc_zeroed(layout) };
    if handle.is_null() {
        std::alloc::handle_alloc_error(layout);
    }
    handle.cast()
}

/// # Safety
/// `handle` came from `allocate` of the same kind and is closed, or was never given to libuv.
pub unsafe fn free(handle: *mut Handle, kind: Kind) {
    unsafe { dealloc(handle.cast(), layout(kind)) };
}
