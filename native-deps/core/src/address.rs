//! Addresses as JavaScript has them (`dataplane/net/address.ts`) and as the system does.

use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, OwnedFd};

use crate::syscall::{Result, check};

/// An IPv4 address as ::ffff:a.b.c.d, four words of it in host order, most significant first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Address {
    pub words: [u32; 4],
    pub port: u16,
}

/// Room for an address of either family.
pub type Storage = libc::sockaddr_in6;

impl Address {
    pub fn is_v4(self) -> bool {
        matches!(self.words, [0, 0, 0xffff, _])
    }

    pub fn to_storage(self) -> (Storage, libc::socklen_t) {
        let mut storage: Storage = unsafe { zeroed() };
        if self.is_v4() {
            let v4 = unsafe { &mut *(&raw mut storage).cast::<libc::sockaddr_in>() };
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = self.port.to_be();
            v4.sin_addr.s_addr = self.words[3].to_be();
            return (storage, size_of::<libc::sockaddr_in>() as libc::socklen_t);
        }
        storage.sin6_family = libc::AF_INET6 as libc::sa_family_t;
        storage.sin6_port = self.port.to_be();
        storage.sin6_addr.s6_addr = bytes_of(self.words);
        (storage, size_of::<Storage>() as libc::socklen_t)
    }

    pub fn from_storage(storage: &Storage) -> Self {
        if storage.sin6_family == libc::AF_INET as libc::sa_family_t {
            let v4 = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let words = [0, 0, 0xffff, u32::from_be(v4.sin_addr.s_addr)];
            return Self { words, port: u16::from_be(v4.sin_port) };
        }
        Self { words: words_of(storage.sin6_addr.s6_addr), port: u16::from_be(storage.sin6_port) }
    }

    /// Of a bound socket.
    pub fn local(fd: &OwnedFd) -> Result<Self> {
        let mut storage: Storage = unsafe { zeroed() };
        let mut size = size_of::<Storage>() as libc::socklen_t;
        check(unsafe { libc::getsockname(fd.as_raw_fd(), (&raw mut storage).cast(), &mut size) } as isize)?;
        Ok(Self::from_storage(&storage))
    }
}

/// In network order.
pub fn bytes_of(words: [u32; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (chunk, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *chunk = word.to_be_bytes();
    }
    bytes
}

/// From network order.
pub fn words_of(bytes: [u8; 16]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*chunk);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_families_come_back_from_the_systems_form() {
        for words in [[0, 0, 0xffff, 0x7f00_0001], [0x2001_0db8, 0, 0, 1], [0, 0, 0, 1]] {
            let address = Address { words, port: 8443 };
            assert_eq!(Address::from_storage(&address.to_storage().0), address);
        }
        assert!(Address { words: [0, 0, 0xffff, 1], port: 0 }.is_v4());
        assert!(!Address::default().is_v4());
    }
}
