//! What every system call here shares: errors as numbers, descriptors that close themselves.

use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub type Errno = i32;
pub type Result<T> = std::result::Result<T, Errno>;

pub fn check(result: isize) -> Result<usize> {
    if result < 0 { Err(unsafe { *libc::__errno_location() }) } else { Ok(result as usize) }
}

pub fn own(result: libc::c_int) -> Result<OwnedFd> {
    check(result as isize).map(|fd| unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Another descriptor for the same open file or socket.
pub fn duplicate(fd: &impl AsRawFd) -> Result<OwnedFd> {
    own(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) })
}

pub fn set_option<T>(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> Result<()> {
    let size = size_of::<T>() as libc::socklen_t;
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const *value).cast(), size) } as isize).map(drop)
}
