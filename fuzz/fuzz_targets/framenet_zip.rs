//! FrameNet's zip, from the directory to the parsed units.
#![no_main]

use attn_data::framenet::{FrameNet, FrameNetError, Strictness};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// A file of this process, in memory where the system has such a place.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let base = PathBuf::from("/dev/shm");
    let base = if base.is_dir() {
        base
    } else {
        std::env::temp_dir()
    };
    base.join(format!("attn-fuzz-{}.zip", std::process::id()))
});

fuzz_target!(
    init: {
        // One thread: the same input then always takes the same path.
        rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("the first pool");
    },
    |data: &[u8]| {
        if data.len() > 64 * 1024 {
            return;
        }
        std::fs::write(&*FILE, data).expect("a file in memory");
        let opened = FrameNet::open(&FILE);
        // Read through the open handle: the file's name is no longer needed.
        std::fs::remove_file(&*FILE).expect("the file is there");
        let net = match opened {
            Ok(net) => net.with_strictness(Strictness::Lenient),
            Err(FrameNetError::Zip { .. } | FrameNetError::NotFrameNet { .. }) => return,
            Err(other) => panic!("{other}"),
        };
        let (units, report) = net
            .map_units(|unit| {
                for sentence in &unit.sentences {
                    for set in &sentence.annotations {
                        assert!(set.target.iter().all(|span| span.of(&sentence.text).is_some()));
                    }
                }
                Ok(unit.id)
            })
            .expect("a lenient reading skips what is broken");
        assert_eq!(units.len(), report.units);
        assert_eq!(units.len() + report.skipped_units.len(), net.unit_count());
        assert!(net.unit_count() > 0);
        let mut visited = Vec::new();
        net.for_each_lexical_unit(|unit| visited.push(unit.id)).expect("as before");
        assert_eq!(visited, units);
        if let Ok(frames) = net.frames() {
            assert!(frames.iter().all(|(name, frame)| *name == frame.name));
        }
    }
);
