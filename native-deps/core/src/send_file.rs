//! *sendfile* of the native boundary: the bytes of a file go to a socket without passing through this process.

#[cfg(not(any(test, fuzzing)))]
mod binding;

use std::os::fd::{AsRawFd, OwnedFd};

use crate::syscall::{Errno, check};

/// Of one turn: a fast receiver must not keep the loop from everything else.
const TURN_BYTES: usize = 1 << 20;

/// What is left to send of a range, of a file and a socket that are both duplicates: their owners may close theirs meanwhile.
pub struct Transfer {
    pub file: OwnedFd,
    pub socket: OwnedFd,
    pub offset: i64,
    pub left: u64,
}

#[derive(PartialEq, Eq, Debug)]
pub enum Progress {
    Done,
    /// The socket takes no more just now, or the turn is over.
    Waiting,
    /// The file has no more.
    Short,
    Failed(Errno),
}

impl Transfer {
    pub fn step(&mut self) -> Progress {
        let mut turn = TURN_BYTES;
        while self.left > 0 && turn > 0 {
            let count = turn.min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let (socket, file) = (self.socket.as_raw_fd(), self.file.as_raw_fd());
            match check(unsafe { libc::sendfile(socket, file, &mut self.offset, count) }) {
                Ok(0) => return Progress::Short,
                Ok(sent) => {
                    self.left -= sent as u64;
                    turn -= sent;
                }
                Err(libc::EINTR) => {}
                Err(libc::EAGAIN) => return Progress::Waiting,
                Err(errno) => return Progress::Failed(errno),
            }
        }
        if self.left == 0 { Progress::Done } else { Progress::Waiting }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn sends_a_range_and_tells_when_the_file_is_shorter() {
        let path = std::env::temp_dir().join(format!("mc-send-file-{}", std::process::id()));
        std::fs::write(&path, b"0123456789").expect("a temporary file");
        let transfer = |offset, left| {
            let (ours, theirs) = UnixStream::pair().expect("a pair");
            let file = File::open(&path).expect("the file").into();
            (Transfer { file, socket: ours.into(), offset, left }, theirs)
        };
        let (mut whole, mut receiver) = transfer(2, 5);
        assert_eq!(whole.step(), Progress::Done);
        drop(whole);
        let mut received = Vec::new();
        receiver.read_to_end(&mut received).expect("readable");
        assert_eq!(received, b"23456");

        let (mut short, _receiver) = transfer(8, 5);
        assert_eq!(short.step(), Progress::Short);
        assert_eq!(short.left, 3);

        let (mut gone, receiver) = transfer(0, 5);
        drop(receiver);
        assert_eq!(gone.step(), Progress::Failed(libc::EPIPE));
        std::fs::remove_file(&path).expect("removable");
    }
}
