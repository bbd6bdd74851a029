//! Called between two operations: does nothing, or reads the clock.

/// Called for every operation of a batch.
pub trait Beat {
    /// An operation is about to begin.
    fn begin(&mut self);
    /// It has ended.
    fn end(&mut self);
}

/// One operation right after the other, with nothing between them.
#[derive(Clone, Copy, Debug)]
pub struct Free;

impl Beat for Free {
    #[inline(always)]
    fn begin(&mut self) {}

    #[inline(always)]
    fn end(&mut self) {}
}

/// Does one operation under the eyes of `beat`.
#[inline(always)]
pub fn beaten<T>(beat: &mut impl Beat, operation: impl FnOnce() -> T) -> T {
    beat.begin();
    let result = operation();
    beat.end();
    result
}
