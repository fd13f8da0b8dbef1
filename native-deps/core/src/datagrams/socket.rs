//! The system calls of a UDP socket that tells, and chooses, which of the machine's addresses a datagram came to and leaves from.

use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr::{null_mut, read_unaligned, write_unaligned};

use crate::address::{Address, Storage, bytes_of, words_of};
use crate::syscall::{Result, check, own, set_option};

/// Asked of the system for what waits to be read and sent; it may give less.
const BUFFER_BYTES: libc::c_int = 1 << 20;

/// Bound with SO_REUSEPORT. An IPv6 one serves IPv4 too.
pub fn bind(address: Address) -> Result<OwnedFd> {
    let is_v4 = address.is_v4();
    let family = if is_v4 { libc::AF_INET } else { libc::AF_INET6 };
    let fd = own(unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) })?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, &1i32)?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &BUFFER_BYTES)?;
    set_option(&fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &BUFFER_BYTES)?;
    if is_v4 {
        set_option(&fd, libc::IPPROTO_IP, libc::IP_PKTINFO, &1i32)?;
    } else {
        set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &0i32)?;
        set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1i32)?;
    }
    let (storage, size) = address.to_storage();
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const storage).cast(), size) } as isize)?;
    Ok(fd)
}

/// One datagram of our own.
pub fn send(fd: &OwnedFd, bytes: &[u8], peer: Address, local: Address) -> Result<()> {
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let (mut storage, size) = peer.to_storage();
    let mut control = Control::default();
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_name = (&raw mut storage).cast();
    message.msg_namelen = size;
    control.leave_from(&mut message, local, 0);
    check(unsafe { libc::sendmsg(fd.as_raw_fd(), &message, libc::MSG_DONTWAIT) }).map(drop)
}

/// Room for the one control message that is used, of either family.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Control([u8; 64]);

impl Default for Control {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Control {
    pub fn receive_into(&mut self, message: &mut libc::msghdr) {
        message.msg_control = self.0.as_mut_ptr().cast();
        message.msg_controllen = self.0.len();
    }

    /// Where a received datagram was sent to, and by which interface it came.
    pub fn sent_to(message: &libc::msghdr) -> Option<([u32; 4], u32)> {
        unsafe {
            let mut header = libc::CMSG_FIRSTHDR(message);
            while !header.is_null() {
                let data = libc::CMSG_DATA(header);
                match ((*header).cmsg_level, (*header).cmsg_type) {
                    (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                        let info: libc::in_pktinfo = read_unaligned(data.cast());
                        return Some(([0, 0, 0xffff, u32::from_be(info.ipi_addr.s_addr)], info.ipi_ifindex as u32));
                    }
                    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                        let info: libc::in6_pktinfo = read_unaligned(data.cast());
                        return Some((words_of(info.ipi6_addr.s6_addr), info.ipi6_ifindex));
                    }
                    _ => header = libc::CMSG_NXTHDR(message, header),
                }
            }
            None
        }
    }

    /// `interface` is needed for link-local addresses only; elsewhere the system routes.
    pub fn leave_from(&mut self, message: &mut libc::msghdr, local: Address, interface: u32) {
        let is_v4 = unsafe { (*message.msg_name.cast::<Storage>()).sin6_family } == libc::AF_INET as libc::sa_family_t;
        if is_v4 {
            let mut info: libc::in_pktinfo = unsafe { zeroed() };
            info.ipi_spec_dst.s_addr = local.words[3].to_be();
            self.put(message, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
        } else {
            let ipi6_addr = libc::in6_addr { s6_addr: bytes_of(local.words) };
            let info = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: interface };
            self.put(message, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
        }
    }

    fn put<T>(&mut self, message: &mut libc::msghdr, level: libc::c_int, kind: libc::c_int, info: T) {
        let size = size_of::<T>() as u32;
        message.msg_control = self.0.as_mut_ptr().cast();
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(size) as usize;
            let header = libc::CMSG_FIRSTHDR(message);
            (*header).cmsg_level = level;
            (*header).cmsg_type = kind;
            (*header).cmsg_len = libc::CMSG_LEN(size) as usize;
            write_unaligned(libc::CMSG_DATA(header).cast(), info);
        }
    }
}

/// How many datagrams were read into `messages`.
pub fn receive_many(fd: &OwnedFd, messages: &mut [libc::mmsghdr]) -> Result<usize> {
    let count = messages.len() as u32;
    let flags = libc::MSG_DONTWAIT;
    check(unsafe { libc::recvmmsg(fd.as_raw_fd(), messages.as_mut_ptr(), count, flags, null_mut()) } as isize)
}

/// How many of `messages`, from the first on, the system took.
pub fn send_many(fd: &OwnedFd, messages: &mut [libc::mmsghdr]) -> Result<usize> {
    let count = messages.len() as u32;
    check(unsafe { libc::sendmmsg(fd.as_raw_fd(), messages.as_mut_ptr(), count, libc::MSG_DONTWAIT) } as isize)
}
