//! `FromIterator` and `Extend` for caches, and `Debug` for `dyn` caches.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::{IntCache, Key, ObjCache};

impl<K: Key + ?Sized> fmt::Debug for dyn IntCache<K> + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntCache").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<V, K: Key + ?Sized> fmt::Debug for dyn ObjCache<V, K> + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjCache").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Sets every key to its value.
impl<K: Key + ?Sized, Q: Borrow<K>> Extend<(Q, i64)> for &(dyn IntCache<K> + '_) {
    fn extend<I: IntoIterator<Item = (Q, i64)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| self.set(key.borrow(), value));
    }
}

/// Sets every key to its object.
impl<V, K: Key + ?Sized, Q: Borrow<K>, T: Into<Arc<V>>> Extend<(Q, T)> for &(dyn ObjCache<V, K> + '_) {
    fn extend<I: IntoIterator<Item = (Q, T)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, object)| self.set(key.borrow(), object.into()));
    }
}

/// Implements `FromIterator` and `Extend` for the two caches of a backend. Used by backends only.
///
/// # Examples
///
/// ```
/// use hotcache::prelude::*;
/// use hotcache::bucket::{IntCache, ObjCache};
///
/// let stock: IntCache = [("sku:1", 100), ("sku:2", 50)].into_iter().collect();
/// (&stock).extend([("sku:2".to_owned(), 40)]);
/// assert_eq!(stock.get("sku:2"), Some(40));
/// let titles: ObjCache<String> = [("event:1", "Flash sale".to_owned())].into_iter().collect();
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! collect {
    ($int:ident, $obj:ident) => {
        const _: () = {
            use ::std::borrow::Borrow;
            use ::std::iter::{Extend, FromIterator, IntoIterator, Iterator};
            use ::std::sync::Arc;

            use $crate::{HashBuilder, IntCache, Key, ObjCache, Options, Value};

            impl<K: Key + ?Sized, S: HashBuilder + Default, Q: Borrow<K>> FromIterator<(Q, i64)> for $int<K, S> {
                fn from_iter<I: IntoIterator<Item = (Q, i64)>>(entries: I) -> Self {
                    let entries = entries.into_iter();
                    let mut cache = Self::with_options(Options::default().capacity(entries.size_hint().0));
                    cache.extend(entries);
                    cache
                }
            }

            impl<K: Key + ?Sized, S: HashBuilder, Q: Borrow<K>> Extend<(Q, i64)> for $int<K, S> {
                fn extend<I: IntoIterator<Item = (Q, i64)>>(&mut self, entries: I) {
                    (&*self).extend(entries);
                }
            }

            impl<K: Key + ?Sized, S: HashBuilder, Q: Borrow<K>> Extend<(Q, i64)> for &$int<K, S> {
                fn extend<I: IntoIterator<Item = (Q, i64)>>(&mut self, entries: I) {
                    entries.into_iter().for_each(|(key, value)| self.set(key.borrow(), value));
                }
            }

            impl<V: Value, K: Key + ?Sized, S: HashBuilder + Default, Q: Borrow<K>, T: Into<Arc<V>>>
                FromIterator<(Q, T)> for $obj<V, K, S>
            {
                fn from_iter<I: IntoIterator<Item = (Q, T)>>(entries: I) -> Self {
                    let entries = entries.into_iter();
                    let mut cache = Self::with_options(Options::default().capacity(entries.size_hint().0));
                    cache.extend(entries);
                    cache
                }
            }

            impl<V: Value, K: Key + ?Sized, S: HashBuilder, Q: Borrow<K>, T: Into<Arc<V>>> Extend<(Q, T)>
                for $obj<V, K, S>
            {
                fn extend<I: IntoIterator<Item = (Q, T)>>(&mut self, entries: I) {
                    (&*self).extend(entries);
                }
            }

            impl<V: Value, K: Key + ?Sized, S: HashBuilder, Q: Borrow<K>, T: Into<Arc<V>>> Extend<(Q, T)>
                for &$obj<V, K, S>
            {
                fn extend<I: IntoIterator<Item = (Q, T)>>(&mut self, entries: I) {
                    entries.into_iter().for_each(|(key, object)| self.set(key.borrow(), object.into()));
                }
            }
        };
    };
}
