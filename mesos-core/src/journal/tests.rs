//! What was written is read again, and nothing else is taken for it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::kernel::Rng;
use crate::time::{Instant, Now, WallTime};

fn header() -> Header {
    let settings = serde_json::json!({ "size": 3 });
    Header { machine: "counter".into(), software: "0.1.0".into(), rng: Rng::of_node(1, 2).state(), settings }
}

fn at(mono: u64, wall: u64) -> Now {
    Now { mono: Instant::ZERO + Duration::from_nanos(mono), wall: WallTime::from_nanos(wall) }
}

/// A journal of these steps: times, input, effects.
fn encode(steps: &[(u64, u64, Option<String>, Vec<u32>)], ending: Ending) -> Vec<u8> {
    let mut encoder = Encoder::new(&header());
    let mut bytes = encoder.take();
    for (mono, wall, input, effects) in steps {
        encoder.begin(at(*mono, *wall), input.as_ref());
        encoder.end(effects);
        encoder.close_frame();
        bytes.extend(encoder.take());
    }
    bytes.extend(encoder.finish(ending));
    bytes
}

fn decode(bytes: &[u8]) -> Result<(Vec<Step<String>>, Option<Ending>), JournalError> {
    let mut journal = Journal::open(bytes)?;
    assert_eq!(journal.header(), &header());
    let mut steps = Vec::new();
    while let Some(step) = journal.next_step()? {
        steps.push(step);
    }
    Ok((steps, journal.ending()))
}

fn sample() -> Vec<u8> {
    let steps = [
        (5, 1_005, Some("hello".to_owned()), vec![1, 2]),
        (9, 1_003, None, vec![]),
        (9, 0, Some(String::new()), vec![7]),
    ];
    encode(&steps, Ending::Complete)
}

#[test]
fn what_was_written_is_read_again() {
    let (steps, ending) = decode(&sample()).unwrap();
    assert_eq!(ending, Some(Ending::Complete));
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((steps[1].now, steps[1].input.clone()), (at(9, 1_003), None));
    assert_eq!((steps[2].now, &*steps[2].effects), (at(9, 0), &[digest(&7_u32)][..]));
}

#[test]
fn a_journal_that_is_cut_off_ends_there() {
    let whole = sample();
    let (all, _) = decode(&whole).unwrap();
    for length in PREAMBLE..whole.len() {
        match decode(&whole[..length]) {
            Ok((steps, ending)) => {
                assert_eq!(ending, Some(Ending::Torn), "cut to {length} bytes");
                assert_eq!(steps, all[..steps.len()], "cut to {length} bytes");
            }
            Err(JournalError::Header(_)) => {}
            Err(other) => panic!("cut to {length} bytes: {other}"),
        }
    }
}

#[test]
fn a_flipped_bit_is_noticed_and_its_place_is_named() {
    let whole = sample();
    let clean = decode(&whole).unwrap();
    for byte in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0x10;
        match decode(&bytes) {
            // A length that is too long reads like a journal that is cut off.
            Ok(read) => assert!(read.1 == Some(Ending::Torn) && read.0.len() <= clean.0.len(), "byte {byte}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn other_files_and_other_versions_are_refused() {
    assert!(matches!(Journal::open(&b"hello, world"[..]), Err(JournalError::NotAJournal)));
    assert!(matches!(Journal::open(&b""[..]), Err(JournalError::NotAJournal)));
    let mut later = sample();
    later[MAGIC.len()] = 9;
    assert!(matches!(Journal::open(later.as_slice()), Err(JournalError::Version(9))));
}

#[test]
fn different_values_have_different_digests() {
    let digests: std::collections::BTreeSet<u32> = (0..10_000_u32).map(|n| digest(&(n, "x"))).collect();
    assert!(digests.len() > 9_990, "{} of 10,000 are different", digests.len());
    assert_eq!(digest(&("same", 1)), digest(&("same", 1)));
}

proptest! {
    #[test]
    fn any_steps_survive_the_way(
        steps in prop::collection::vec(
            (any::<u64>(), any::<u64>(), prop::option::of(".{0,40}"), prop::collection::vec(any::<u32>(), 0..5)), 0..20)
    ) {
        let (read, ending) = decode(&encode(&steps, Ending::Full)).unwrap();
        prop_assert_eq!(ending, Some(Ending::Full));
        prop_assert_eq!(read.len(), steps.len());
        for (step, (mono, wall, input, effects)) in read.iter().zip(&steps) {
            prop_assert_eq!(step.now, at(*mono, *wall));
            prop_assert_eq!(&step.input, input);
            prop_assert_eq!(&step.effects, &effects.iter().map(digest).collect::<Vec<_>>());
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = sample();
        file.truncate(PREAMBLE);
        file.extend(bytes);
        let _ = decode(&file);
    }
}
