//! One timer a key, in two wheels of 256 buckets. Setting and cancelling cost the same however many timers there are.

const TICK_SHIFT: u32 = 4;
const BUCKETS: usize = 256;
const NONE: u32 = u32::MAX;
const UNSET: u16 = u16::MAX;

#[derive(Clone, Copy)]
struct Entry {
    next: u32,
    prev: u32,
    due_tick: u64,
    /// Of `heads`; `UNSET`: the timer does not run.
    bucket: u16,
}

/// Times are milliseconds of one steady clock. A timer fires in the tick (16 ms) after its time, never before it; one that is more than
/// 17 minutes away fires early, so whoever sets a timer looks at the clock when it fires, and sets it again.
pub struct Wheel {
    /// The near wheel holds the next 256 ticks, the far one the 256 turns of the near one after that.
    heads: [u32; 2 * BUCKETS],
    occupied: [u64; 2 * BUCKETS / 64],
    entries: Vec<Entry>,
    /// All timers up to here have fired.
    tick: u64,
    running: usize,
}

impl Wheel {
    pub fn new(now_ms: u64) -> Self {
        Self {
            heads: [NONE; 2 * BUCKETS],
            occupied: [0; 2 * BUCKETS / 64],
            entries: Vec::new(),
            tick: now_ms >> TICK_SHIFT,
            running: 0,
        }
    }

    pub fn running(&self) -> usize {
        self.running
    }

    /// Replaces the timer that the key had.
    pub fn set(&mut self, key: u32, due_ms: u64) {
        self.cancel(key);
        let tick = (due_ms + (1 << TICK_SHIFT) - 1) >> TICK_SHIFT;
        self.link(key, tick.max(self.tick + 1));
        self.running += 1;
    }

    pub fn cancel(&mut self, key: u32) {
        let index = key as usize;
        if index >= self.entries.len() {
            let idle = Entry { next: NONE, prev: NONE, due_tick: 0, bucket: UNSET };
            self.entries.resize(index + 1, idle);
        }
        if self.entries[index].bucket != UNSET {
            self.unlink(key);
            self.running -= 1;
        }
    }

    /// Appends the keys whose time has come; their timers run no more.
    pub fn advance(&mut self, now_ms: u64, fired: &mut Vec<u32>) {
        let now = now_ms >> TICK_SHIFT;
        while self.tick < now {
            if self.running == 0 {
                self.tick = now;
                return;
            }
            self.tick += 1;
            if self.tick.is_multiple_of(BUCKETS as u64) {
                self.cascade();
            }
            let bucket = near_bucket(self.tick);
            while self.heads[bucket] != NONE {
                let key = self.heads[bucket];
                self.unlink(key);
                self.running -= 1;
                fired.push(key);
            }
        }
    }

    /// When `advance` has something to do next; null where no timer runs.
    pub fn next_due_ms(&self) -> Option<u64> {
        if self.running == 0 {
            return None;
        }
        let near = self.distance_to_occupied(0, near_bucket(self.tick)).map(|ticks| self.tick + ticks);
        let turn = self.tick / BUCKETS as u64;
        let far =
            self.distance_to_occupied(BUCKETS, turn as usize % BUCKETS).map(|turns| (turn + turns) * BUCKETS as u64);
        let tick = match (near, far) {
            (Some(near), Some(far)) => near.min(far),
            (near, far) => near.or(far)?,
        };
        Some(tick << TICK_SHIFT)
    }

    fn link(&mut self, key: u32, due_tick: u64) {
        let turn = self.tick / BUCKETS as u64;
        let (due_tick, bucket) = if due_tick - self.tick < BUCKETS as u64 {
            (due_tick, near_bucket(due_tick))
        } else {
            let due_turn = (due_tick / BUCKETS as u64).min(turn + BUCKETS as u64 - 1);
            let due_tick = due_tick.min(due_turn * BUCKETS as u64 + BUCKETS as u64 - 1);
            (due_tick, BUCKETS + due_turn as usize % BUCKETS)
        };
        let head = self.heads[bucket];
        if head != NONE {
            self.entries[head as usize].prev = key;
        }
        self.entries[key as usize] = Entry { next: head, prev: NONE, due_tick, bucket: bucket as u16 };
        self.heads[bucket] = key;
        self.occupied[bucket / 64] |= 1 << (bucket % 64);
    }

    fn unlink(&mut self, key: u32) {
        let Entry { next, prev, bucket, .. } = self.entries[key as usize];
        let bucket = bucket as usize;
        if next != NONE {
            self.entries[next as usize].prev = prev;
        }
        if prev != NONE {
            self.entries[prev as usize].next = next;
        } else {
            self.heads[bucket] = next;
            if next == NONE {
                self.occupied[bucket / 64] &= !(1 << (bucket % 64));
            }
        }
        self.entries[key as usize].bucket = UNSET;
    }

    /// A turn of the near wheel begins: what is due in it moves there.
    fn cascade(&mut self) {
        let bucket = BUCKETS + (self.tick / BUCKETS as u64) as usize % BUCKETS;
        while self.heads[bucket] != NONE {
            let key = self.heads[bucket];
            let due_tick = self.entries[key as usize].due_tick;
            self.unlink(key);
            self.link(key, due_tick.max(self.tick));
        }
    }

    /// Buckets from `from` on to the next occupied one, 1 to 255, within the wheel that begins at `base`.
    fn distance_to_occupied(&self, base: usize, from: usize) -> Option<u64> {
        (1..BUCKETS as u64).find(|&distance| {
            let bucket = base + (from + distance as usize) % BUCKETS;
            self.occupied[bucket / 64] & (1 << (bucket % 64)) != 0
        })
    }
}

fn near_bucket(tick: u64) -> usize {
    tick as usize % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advance(wheel: &mut Wheel, now_ms: u64) -> Vec<u32> {
        let mut fired = Vec::new();
        wheel.advance(now_ms, &mut fired);
        fired.sort_unstable();
        fired
    }

    #[test]
    fn fires_after_the_time_and_never_before() {
        let mut wheel = Wheel::new(1000);
        wheel.set(3, 1100);
        assert_eq!(advance(&mut wheel, 1099), []);
        assert_eq!(advance(&mut wheel, 1116), [3]);
        assert_eq!(wheel.running(), 0);
        assert_eq!(advance(&mut wheel, 5000), []);
    }

    #[test]
    fn one_timer_a_key() {
        let mut wheel = Wheel::new(0);
        wheel.set(0, 100);
        wheel.set(0, 9000);
        wheel.set(1, 100);
        wheel.cancel(1);
        wheel.cancel(77);
        assert_eq!(wheel.running(), 1);
        assert_eq!(advance(&mut wheel, 8999), []);
        assert_eq!(advance(&mut wheel, 9016), [0]);
    }

    #[test]
    fn far_ones_fire_early_at_most() {
        let mut wheel = Wheel::new(0);
        let hours = 10 * 3_600_000;
        wheel.set(0, hours);
        let mut now = 0;
        let mut set_again = 0;
        while now < hours {
            now = wheel.next_due_ms().expect("a timer runs");
            if advance(&mut wheel, now) == [0] && now < hours {
                wheel.set(0, hours);
                set_again += 1;
            }
        }
        assert!(now < hours + 16);
        assert!((30..40).contains(&set_again));
    }

    /// Against a list of times, with steps that a generator draws.
    #[test]
    fn does_what_a_list_would() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut wheel = Wheel::new(12_345);
        let mut list: Vec<Option<u64>> = vec![None; 64];
        let mut now = 12_345;
        for _ in 0..if cfg!(miri) { 500 } else { 50_000 } {
            let key = random(64) as usize;
            match random(4) {
                0 => {
                    wheel.cancel(key as u32);
                    list[key] = None;
                }
                1 | 2 => {
                    let spans = [20, 500, 10_000, 900_000];
                    let span = spans[random(4) as usize];
                    let due = now + random(span);
                    wheel.set(key as u32, due);
                    list[key] = Some(due);
                }
                _ => {
                    now = if random(2) == 0 { now + random(3000) } else { wheel.next_due_ms().unwrap_or(now).max(now) };
                    for key in advance(&mut wheel, now) {
                        let due = list[key as usize].take().expect("what fires was set");
                        assert!(due <= now, "fired before its time");
                    }
                    for due in list.iter().flatten() {
                        assert!(due + 32 > now, "should have fired");
                    }
                }
            }
            assert_eq!(wheel.running(), list.iter().flatten().count());
            let next = wheel.next_due_ms();
            assert_eq!(next.is_some(), wheel.running() > 0);
        }
    }
}
