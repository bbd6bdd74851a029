use hotcache_report::Moment;

use crate::memory::base::Base;
use crate::payload::Payload;

/// Measures garbage: bytes and objects beyond those that were there when it was set to zero.
///
/// Set it to zero while the cache holds as much as it will hold at every look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauge {
    base: Base,
    objects: i64,
    has_objects: bool,
}

/// A reading of a [`Gauge`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    counted: i64,
    resident: Option<i64>,
    objects: Option<i64>,
}

impl Gauge {
    /// A gauge that shows zero now.
    pub(super) fn zero(has_objects: bool) -> Self {
        Self { base: Base::now(), objects: Payload::alive(), has_objects }
    }

    /// Another one that shows zero now.
    pub(super) fn again(&self) -> Self {
        Self::zero(self.has_objects)
    }

    pub(super) fn look(&self) -> Look {
        let objects = self.has_objects.then(|| Payload::alive() - self.objects);
        Look { counted: self.base.counted(), resident: self.base.resident(), objects }
    }
}

impl Look {
    /// The larger of both, number by number.
    pub(super) fn and(self, other: Look) -> Look {
        Look {
            counted: self.counted.max(other.counted),
            resident: self.resident.max(other.resident),
            objects: self.objects.max(other.objects),
        }
    }

    /// As it stands in the document.
    pub(super) fn named(self, moment: &str) -> Moment {
        // A map may free what was there before. That is no garbage.
        Moment {
            moment: moment.to_owned(),
            counted: self.counted.max(0).unsigned_abs(),
            rss: self.resident,
            objects: self.objects.map(|objects| objects.max(0).unsigned_abs()),
        }
    }

    /// The counted bytes divided by a number of caches, as they stand in the document.
    pub(super) fn each(self, count: usize, moment: &str) -> Moment {
        let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
        Look { counted: self.counted / count, resident: None, objects: None }.named(moment)
    }
}
