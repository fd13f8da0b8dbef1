//! Connections by slot and generation: a key of one that is gone finds nothing, whoever has the slot now.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    pub slot: u32,
    pub generation: u32,
}

struct Cell<T> {
    /// Odd while the slot is taken, so that a key made up of zeros never fits.
    generation: u32,
    value: Option<T>,
}

pub struct Slots<T> {
    cells: Vec<Cell<T>>,
    free: Vec<u32>,
}

/// What an epoll event and the boundary carry of a generation.
const GENERATION_MASK: u32 = 0x7fff_ffff;

impl<T> Slots<T> {
    pub fn new() -> Self {
        Self { cells: Vec::new(), free: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.cells.len() - self.free.len()
    }

    pub fn insert(&mut self, value: T) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.cells.push(Cell { generation: 0, value: None });
            (self.cells.len() - 1) as u32
        });
        let cell = &mut self.cells[slot as usize];
        cell.generation = (cell.generation + 1) & GENERATION_MASK;
        cell.value = Some(value);
        Key { slot, generation: cell.generation }
    }

    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let cell = self.cells.get_mut(key.slot as usize)?;
        if cell.generation == key.generation { cell.value.as_mut() } else { None }
    }

    /// The key of whatever has the slot now.
    pub fn key_of(&self, slot: u32) -> Option<Key> {
        let cell = self.cells.get(slot as usize)?;
        cell.value.as_ref().map(|_| Key { slot, generation: cell.generation })
    }

    pub fn remove(&mut self, key: Key) -> Option<T> {
        let cell = self.cells.get_mut(key.slot as usize)?;
        if cell.generation != key.generation {
            return None;
        }
        let value = cell.value.take()?;
        cell.generation = (cell.generation + 1) & GENERATION_MASK;
        self.free.push(key.slot);
        Some(value)
    }

    pub fn clear(&mut self) {
        self.cells.clear();
        self.free.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_outlives_its_value_and_finds_nothing() {
        let mut slots = Slots::new();
        let first = slots.insert("a");
        assert_eq!(slots.remove(first), Some("a"));
        let second = slots.insert("b");
        assert_eq!(second.slot, first.slot);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get_mut(second), Some(&mut "b"));
        assert_eq!(slots.key_of(second.slot), Some(second));
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn made_up_keys_find_nothing() {
        let mut slots = Slots::new();
        let key = slots.insert(1);
        for generation in [0, key.generation + 1, u32::MAX] {
            assert_eq!(slots.get_mut(Key { slot: key.slot, generation }), None);
        }
        assert_eq!(slots.get_mut(Key { slot: 99, generation: 1 }), None);
        slots.remove(key);
        assert_eq!(slots.get_mut(Key { slot: key.slot, generation: key.generation + 1 }), None);
        assert_eq!(slots.key_of(key.slot), None);
    }

    #[test]
    fn slots_are_used_again_before_the_table_grows() {
        let mut slots = Slots::new();
        let keys: Vec<Key> = (0..10).map(|n| slots.insert(n)).collect();
        for key in &keys {
            slots.remove(*key);
        }
        for n in 0..10 {
            assert!(slots.insert(n).slot < 10);
        }
        assert_eq!(slots.len(), 10);
    }
}
