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
