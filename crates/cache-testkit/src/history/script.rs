use super::{MAX_OPS, Spec, Window};
use crate::Random;

/// Random windows for `threads` threads over `keys` keys, `ops` operations for each thread and window.
///
/// # Examples
///
/// ```
/// use cache_testkit::Random;
/// use cache_testkit::history::{IntSpec, random_windows};
///
/// let windows = random_windows::<IntSpec>(&mut Random::new(1), 10, 3, 2, 6);
/// assert_eq!(windows.len(), 10);
/// assert_eq!(windows[0].scripts.len(), 3);
/// ```
///
/// # Panics
///
/// If all operations of a window falling on one key would make more than [`MAX_OPS`].
#[must_use]
pub fn random_windows<S: Spec>(
    random: &mut Random,
    windows: usize,
    threads: usize,
    keys: usize,
    ops: usize,
) -> Vec<Window<S::Op>> {
    assert!(
        threads * ops < MAX_OPS,
        "{threads} threads with {ops} operations each and the closing read exceed {MAX_OPS}"
    );
    let mut fresh = 0;
    (0..windows)
        .map(|_| Window {
            scripts: (0..threads)
                .map(|_| {
                    (0..ops)
                        .map(|_| {
                            // Far enough apart that no few adds make one value into another.
                            fresh += 100;
                            (random.below(keys), S::random_op(random, fresh))
                        })
                        .collect()
                })
                .collect(),
        })
        .collect()
}

/// The same for `groups` times as many keys: each window has the operations of one window for each group of `keys` keys,
/// shuffled. So there is more between two barriers, and no more on one key.
///
/// # Examples
///
/// ```
/// use cache_testkit::Random;
/// use cache_testkit::history::{IntSpec, random_windows_of};
///
/// let windows = random_windows_of::<IntSpec>(&mut Random::new(1), 8, 10, 3, 2, 6);
/// assert_eq!(windows[0].scripts[2].len(), 8 * 6);
/// assert!(windows[0].scripts[2].iter().all(|(key, _)| *key < 8 * 2));
/// ```
///
/// # Panics
///
/// As [`random_windows`].
#[must_use]
pub fn random_windows_of<S: Spec>(
    random: &mut Random,
    groups: usize,
    windows: usize,
    threads: usize,
    keys: usize,
    ops: usize,
) -> Vec<Window<S::Op>> {
    let mut all = random_windows::<S>(random, windows, threads, keys, ops);
    for group in 1..groups {
        let more = random_windows::<S>(random, windows, threads, keys, ops);
        for (window, more) in all.iter_mut().zip(more) {
            for (script, more) in window.scripts.iter_mut().zip(more.scripts) {
                for (key, op) in more {
                    script.insert(random.below(script.len() + 1), (group * keys + key, op));
                }
            }
        }
    }
    all
}
