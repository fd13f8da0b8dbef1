//! SHA-256 (FIPS 180-4) whose state can leave the process. The compression runs on the CPU's own instructions where it has them
//! (`sha2` chooses at run time); the padding and the saved form are ours.

use sha2::block_api::compress256;

const BLOCK: usize = 64;
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// First byte of a saved state; another form gets another number.
const FORM: u8 = 1;
/// Form, length, chaining value; the bytes of an unfinished block follow.
const SAVED_HEAD: usize = 1 + 8 + 32;

#[derive(Clone)]
pub struct Sha256 {
    chain: [u32; 8],
    /// Bytes hashed so far; `length % 64` of them wait in `pending`.
    length: u64,
    pending: [u8; BLOCK],
}

impl Sha256 {
    pub fn new() -> Self {
        Self { chain: INITIAL, length: 0, pending: [0; BLOCK] }
    }

    /// None: the bytes are no saved state of this form.
    pub fn load(saved: &[u8]) -> Option<Self> {
        let (head, rest) = saved.split_at_checked(SAVED_HEAD)?;
        let length = u64::from_be_bytes(head[1..9].try_into().ok()?);
        if head[0] != FORM || rest.len() as u64 != length % BLOCK as u64 {
            return None;
        }
        let mut hash = Self::new();
        hash.length = length;
        for (word, bytes) in hash.chain.iter_mut().zip(head[9..].as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        hash.pending[..rest.len()].copy_from_slice(rest);
        Some(hash)
    }

    pub fn save(&self) -> Vec<u8> {
        let mut saved = Vec::with_capacity(SAVED_HEAD + BLOCK);
        saved.push(FORM);
        saved.extend(self.length.to_be_bytes());
        saved.extend(self.chain.iter().flat_map(|word| word.to_be_bytes()));
        saved.extend(&self.pending[..self.waiting()]);
        saved
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whole blocks are hashed where they lie; only what is left of the last one is copied.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let waiting = self.waiting();
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if waiting > 0 {
            let taken = bytes.len().min(BLOCK - waiting);
            self.pending[waiting..waiting + taken].copy_from_slice(&bytes[..taken]);
            if waiting + taken < BLOCK {
                return;
            }
            compress256(&mut self.chain, &[self.pending]);
            bytes = &bytes[taken..];
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        compress256(&mut self.chain, blocks);
        self.pending[..rest.len()].copy_from_slice(rest);
    }

    /// Of the bytes so far; the hash itself can go on.
    pub fn digest(&self) -> [u8; 32] {
        let mut end = self.clone();
        let bits = self.length.wrapping_mul(8);
        let mut padding = [0; BLOCK + 8];
        padding[0] = 0x80;
        let zeros = (BLOCK + 55 - self.waiting()) % BLOCK;
        end.update(&padding[..1 + zeros]);
        end.update(&bits.to_be_bytes());
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(end.chain) {
            *bytes = word.to_be_bytes();
        }
        digest
    }

    fn waiting(&self) -> usize {
        (self.length % BLOCK as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn of(bytes: &[u8]) -> String {
        let mut hash = Sha256::new();
        hash.update(bytes);
        hex(&hash.digest())
    }

    #[test]
    fn vectors_of_fips_180_4() {
        assert_eq!(of(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            of(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }

    #[test]
    fn a_saved_state_goes_on_from_any_length() {
        let bytes: Vec<u8> = (0..200u32).map(|index| (index * 7) as u8).collect();
        let whole = of(&bytes);
        for cut in 0..=bytes.len() {
            let mut first = Sha256::new();
            first.update(&bytes[..cut]);
            let mut second = Sha256::load(&first.save()).expect("a state that was just saved");
            assert_eq!(second.length(), cut as u64);
            second.update(&bytes[cut..]);
            assert_eq!(hex(&second.digest()), whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_saved_state_is_refused() {
        let mut hash = Sha256::new();
        hash.update(&[7; 70]);
        let saved = hash.save();
        assert!(Sha256::load(&saved).is_some());
        assert!(Sha256::load(&[]).is_none());
        assert!(Sha256::load(&saved[..saved.len() - 1]).is_none());
        assert!(Sha256::load(&[&saved[..], &[0]].concat()).is_none());
        assert!(Sha256::load(&[&[2], &saved[1..]].concat()).is_none());
    }
}
