//! The system calls of the reactor, each with its error as a number. Nothing here blocks.

use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use crate::address::{Address, Storage};
use crate::syscall::{check, duplicate, own, set_option};

pub use crate::syscall::{Errno, Result};

fn socket(address: Address) -> Result<OwnedFd> {
    let family = if address.is_v4() { libc::AF_INET } else { libc::AF_INET6 };
    own(unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) })
}

/// Bound with SO_REUSEPORT. An IPv6 one serves IPv4 too. What it accepts inherits TCP_NODELAY.
pub fn listen(address: Address, backlog: u32) -> Result<OwnedFd> {
    let fd = socket(address)?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1i32)?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, &1i32)?;
    if !address.is_v4() {
        set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &0i32)?;
    }
    no_delay(&fd);
    let (storage, size) = address.to_storage();
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const storage).cast(), size) } as isize)?;
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog.min(i32::MAX as u32) as i32) } as isize)?;
    Ok(fd)
}

/// A descriptor of our own for a listening socket that somebody else keeps.
pub fn listen_inherited(fd: RawFd, backlog: u32) -> Result<OwnedFd> {
    let fd = duplicate(&fd)?;
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) } as isize)? as i32;
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) } as isize)?;
    no_delay(&fd);
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog.min(i32::MAX as u32) as i32) } as isize)?;
    Ok(fd)
}

/// Without Nagle's delay. It can only fail on sockets that have none.
pub fn no_delay(fd: &OwnedFd) {
    let _ = set_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, &1i32);
}

pub fn accept(listener: &OwnedFd) -> Result<(OwnedFd, Address)> {
    let mut storage: Storage = unsafe { zeroed() };
    let mut size = size_of::<Storage>() as libc::socklen_t;
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let fd = own(unsafe { libc::accept4(listener.as_raw_fd(), (&raw mut storage).cast(), &mut size, flags) })?;
    Ok((fd, Address::from_storage(&storage)))
}

/// Begins to connect. The last packet of the handshake is held back a moment, so that it goes out with the first bytes.
pub fn connect(address: Address) -> Result<OwnedFd> {
    let fd = socket(address)?;
    set_option(&fd, libc::IPPROTO_TCP, libc::TCP_QUICKACK, &0i32)?;
    let (storage, size) = address.to_storage();
    match check(unsafe { libc::connect(fd.as_raw_fd(), (&raw const storage).cast(), size) } as isize) {
        Ok(_) | Err(libc::EINPROGRESS) => Ok(fd),
        Err(errno) => Err(errno),
    }
}

/// What became of a connect; EAGAIN while it is not decided.
pub fn connect_outcome(fd: &OwnedFd) -> Result<()> {
    let mut errno: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    let target = (&raw mut errno).cast();
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ERROR, target, &mut size) } as isize)?;
    if errno == 0 { Ok(()) } else { Err(errno) }
}

pub fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize> {
    check(unsafe { libc::recv(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) })
}

pub fn peek(fd: &OwnedFd, buffer: &mut [u8]) -> Result<usize> {
    check(unsafe { libc::recv(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_PEEK) })
}

/// Drops so many bytes of what was received, without copying them.
pub fn discard(fd: &OwnedFd, count: usize) -> Result<usize> {
    check(unsafe { libc::recv(fd.as_raw_fd(), std::ptr::null_mut(), count, libc::MSG_TRUNC) })
}

/// Bytes that can be read.
pub fn available(fd: &OwnedFd) -> Result<usize> {
    let mut count: libc::c_int = 0;
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut count) } as isize)?;
    Ok(count as usize)
}

/// `more_follows`: an end or more bytes come at once and may share the packet.
pub fn send(fd: &OwnedFd, bytes: &[u8], more_follows: bool) -> Result<usize> {
    let flags = libc::MSG_NOSIGNAL | if more_follows { libc::MSG_MORE } else { 0 };
    check(unsafe { libc::send(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// Two pieces in one packet.
pub fn send_both(fd: &OwnedFd, first: &[u8], second: &[u8]) -> Result<usize> {
    let part = |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut parts = [part(first), part(second)];
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len();
    check(unsafe { libc::sendmsg(fd.as_raw_fd(), &message, libc::MSG_NOSIGNAL) })
}

pub fn send_end(fd: &OwnedFd) -> Result<()> {
    check(unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_WR) } as isize).map(drop)
}

/// Closes with RST instead of FIN.
pub fn reset(fd: OwnedFd) {
    let now = libc::linger { l_onoff: 1, l_linger: 0 };
    let _ = set_option(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &now);
}

/// Wakes the reader only when so many bytes are there, and makes room for them.
pub fn wake_at(fd: &OwnedFd, count: u32) {
    let _ = set_option(fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, &(count.min(i32::MAX as u32) as i32));
}

pub struct Pipe {
    pub read: OwnedFd,
    pub write: OwnedFd,
}

/// `size` is asked for; the system may give less.
pub fn pipe(size: i32) -> Result<Pipe> {
    let mut fds = [0; 2];
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) } as isize)?;
    let pipe = unsafe { Pipe { read: OwnedFd::from_raw_fd(fds[0]), write: OwnedFd::from_raw_fd(fds[1]) } };
    unsafe { libc::fcntl(pipe.write.as_raw_fd(), libc::F_SETPIPE_SZ, size) };
    Ok(pipe)
}

pub fn splice(from: &OwnedFd, to: &OwnedFd, count: usize) -> Result<usize> {
    let null = std::ptr::null_mut();
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    check(unsafe { libc::splice(from.as_raw_fd(), null, to.as_raw_fd(), null, count, flags) })
}

pub struct Epoll(OwnedFd);

pub type EpollEvent = libc::epoll_event;

impl Epoll {
    pub fn new() -> Result<Self> {
        own(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    pub fn add(&self, fd: &OwnedFd, events: u32, token: u64) -> Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, events, token)
    }

    /// Also reports anew what is true already of an edge-triggered descriptor.
    pub fn modify(&self, fd: &OwnedFd, events: u32, token: u64) -> Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, events, token)
    }

    pub fn remove(&self, fd: &OwnedFd) -> Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    fn control(&self, operation: libc::c_int, fd: &OwnedFd, events: u32, token: u64) -> Result<()> {
        let mut event = EpollEvent { events, u64: token };
        check(unsafe { libc::epoll_ctl(self.raw(), operation, fd.as_raw_fd(), &mut event) } as isize).map(drop)
    }

    /// Returns at once with what there is.
    pub fn poll(&self, events: &mut [EpollEvent]) -> Result<usize> {
        check(unsafe { libc::epoll_wait(self.raw(), events.as_mut_ptr(), events.len() as i32, 0) } as isize)
    }
}
