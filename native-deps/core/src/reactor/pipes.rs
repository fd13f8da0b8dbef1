//! Pipes for `splice`, used again. A stream that gets none goes on by copying.

use super::sys::{self, Pipe};

/// Asked for once a pipe; a process without privileges gets the system's 64 KiB when it has many.
const PIPE_BYTES: i32 = 256 * 1024;

pub struct Pipes {
    idle: Vec<Pipe>,
    lent: usize,
    max_idle: usize,
    max_lent: usize,
}

impl Pipes {
    pub fn new(max_idle: usize, max_lent: usize) -> Self {
        Self { idle: Vec::new(), lent: 0, max_idle, max_lent }
    }

    pub fn lend(&mut self) -> Option<Pipe> {
        if self.lent >= self.max_lent {
            return None;
        }
        let pipe = self.idle.pop().or_else(|| sys::pipe(PIPE_BYTES).ok())?;
        self.lent += 1;
        Some(pipe)
    }

    /// `is_empty`: nothing is left in it; one with bytes of a dead stream is closed.
    pub fn give_back(&mut self, pipe: Pipe, is_empty: bool) {
        self.lent -= 1;
        if is_empty && self.idle.len() < self.max_idle {
            self.idle.push(pipe);
        }
    }

    pub fn lent(&self) -> usize {
        self.lent
    }

    pub fn idle(&self) -> usize {
        self.idle.len()
    }

    pub fn clear(&mut self) {
        self.idle.clear();
    }
}
