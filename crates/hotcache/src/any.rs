use std::error::Error;
use std::fmt;
use std::str::FromStr;

use cache_core::{HashBuilder, IntCache, Key, ObjCache, Options, Value};

/// The features that are backends, whether compiled in or not. The error message uses them.
const FEATURES: [&str; 6] = ["rwlock", "dashmap", "flurry", "scc", "papaya", "bucket"];

/// Generates everything that lists the backends: the enum, its names, and its constructors.
macro_rules! any_backend {
    ($($variant:ident = $feature:literal $module:ident),* $(,)?) => {
        /// A backend that is chosen at run time, from those that are compiled in.
        ///
        /// # Examples
        ///
        /// ```
        /// use hotcache::{AnyBackend, Options};
        ///
        /// let backend: AnyBackend = "bucket".parse()?;
        /// let stock = backend.int::<str, _>(Options::new());
        /// stock.set("sku:1", 100);
        /// assert_eq!(stock.get("sku:1"), Some(100));
        /// # Ok::<(), hotcache::UnknownBackend>(())
        /// ```
        ///
        /// # Performance
        ///
        /// Every call goes through a `dyn` cache, which costs one or two nanoseconds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum AnyBackend {
            $(
                #[doc = concat!("The `", $feature, "` backend.")]
                #[cfg(feature = $feature)]
                $variant,
            )*
        }

        impl AnyBackend {
            /// Every backend that is compiled in.
            ///
            /// # Examples
            ///
            /// ```
            /// use hotcache::AnyBackend;
            /// assert!(AnyBackend::ALL.iter().any(|backend| backend.name() == "bucket"));
            /// ```
            pub const ALL: &[AnyBackend] = &[$(#[cfg(feature = $feature)] AnyBackend::$variant),*];

            /// Returns the name of this backend, which is also the name of its feature and its module.
            ///
            /// # Examples
            ///
            /// ```
            /// assert_eq!(hotcache::AnyBackend::Bucket.name(), "bucket");
            /// ```
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(#[cfg(feature = $feature)] AnyBackend::$variant => $feature,)*
                }
            }

            /// Frees as many removed objects as possible now. See [`Backend::reclaim`](crate::Backend::reclaim).
            ///
            /// # Examples
            ///
            /// ```
            /// hotcache::AnyBackend::Bucket.reclaim();
            /// ```
            pub fn reclaim(self) {
                match self {
                    $(
                        #[cfg(feature = $feature)]
                        AnyBackend::$variant => <crate::$module::Backend as cache_core::Backend>::reclaim(),
                    )*
                }
            }

            /// Builds an integer cache.
            ///
            /// # Examples
            ///
            /// ```
            /// use hotcache::{AnyBackend, Options};
            /// let cache = AnyBackend::Bucket.int::<u64, _>(Options::new());
            /// assert_eq!(cache.add(&7, 1), 1);
            /// ```
            #[must_use]
            pub fn int<K: Key + ?Sized, S: HashBuilder>(self, options: Options<S>) -> Box<dyn IntCache<K>> {
                let _ = &options;
                match self {
                    $(
                        #[cfg(feature = $feature)]
                        AnyBackend::$variant => Box::new(crate::$module::IntCache::<K, S>::with_options(options)),
                    )*
                }
            }

            /// Builds an object cache.
            ///
            /// # Examples
            ///
            /// ```
            /// use hotcache::{AnyBackend, ObjCacheExt, Options};
            /// let cache = AnyBackend::Bucket.obj::<String, str, _>(Options::new());
            /// cache.insert("event:1", "Flash sale".to_owned());
            /// assert_eq!(cache.with("event:1", String::len), Some(10));
            /// ```
            #[must_use]
            pub fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(
                self,
                options: Options<S>,
            ) -> Box<dyn ObjCache<V, K>> {
                let _ = &options;
                match self {
                    $(
                        #[cfg(feature = $feature)]
                        AnyBackend::$variant => Box::new(crate::$module::ObjCache::<V, K, S>::with_options(options)),
                    )*
                }
            }
        }
    };
}

any_backend! {
    RwLock = "rwlock" rwlock,
    DashMap = "dashmap" dashmap,
    Flurry = "flurry" flurry,
    Scc = "scc" scc,
    Papaya = "papaya" papaya,
    Bucket = "bucket" bucket,
}

impl fmt::Display for AnyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// As the name of the backend.
///
/// # Examples
///
/// ```
/// use hotcache::AnyBackend;
/// assert_eq!(serde_json::to_string(&AnyBackend::Bucket)?, "\"bucket\"");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl serde::Serialize for AnyBackend {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// From the name of a backend that is compiled in.
///
/// # Errors
///
/// The text of [`UnknownBackend`] for any other name.
///
/// # Examples
///
/// ```
/// use hotcache::AnyBackend;
/// assert_eq!(serde_json::from_str::<AnyBackend>("\"bucket\"")?, AnyBackend::Bucket);
/// let error = serde_json::from_str::<AnyBackend>("\"redis\"").unwrap_err();
/// assert!(error.to_string().starts_with("there is no backend named \"redis\"; compiled in: "));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
impl<'de> serde::Deserialize<'de> for AnyBackend {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl serde::de::Visitor<'_> for Name {
            type Value = AnyBackend;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a backend")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<AnyBackend, E> {
                name.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Name)
    }
}

impl FromStr for AnyBackend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let found = AnyBackend::ALL.iter().find(|backend| backend.name() == name);
        found.copied().ok_or_else(|| UnknownBackend { name: name.to_owned() })
    }
}

/// The error for the name of a backend that is not compiled in. Its message lists those that are.
///
/// # Examples
///
/// ```
/// use hotcache::AnyBackend;
/// let error = "redis".parse::<AnyBackend>().unwrap_err();
/// assert!(error.to_string().starts_with("there is no backend named \"redis\"; compiled in: "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownBackend {
    /// The name that was requested.
    pub name: String,
}

impl fmt::Display for UnknownBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if FEATURES.contains(&self.name.as_str()) {
            write!(f, "backend {0:?} is not compiled in: enable the feature {0:?} of hotcache", self.name)?;
        } else {
            write!(f, "there is no backend named {:?}", self.name)?;
        }
        f.write_str("; compiled in: ")?;
        for (i, backend) in AnyBackend::ALL.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{backend}")?;
        }
        if AnyBackend::ALL.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

impl Error for UnknownBackend {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back() {
        for backend in AnyBackend::ALL {
            assert_eq!(backend.name().parse::<AnyBackend>().as_ref(), Ok(backend));
            assert!(FEATURES.contains(&backend.name()));
        }
    }

    #[test]
    fn a_refusal_names_what_there_is() {
        let refused = "Redis".parse::<AnyBackend>().expect_err("no such backend").to_string();
        assert!(refused.contains("\"Redis\""), "{refused}");
        for backend in AnyBackend::ALL {
            assert!(refused.contains(backend.name()), "{refused}");
        }
        for feature in FEATURES {
            let refusal = feature.parse::<AnyBackend>().err().map(|error| error.to_string());
            assert!(refusal.is_none_or(|refusal| refusal.contains("enable the feature")), "{feature}");
        }
    }

    #[test]
    fn every_backend_builds_both_caches() {
        for backend in AnyBackend::ALL {
            let ints = backend.int::<str, _>(Options::new());
            assert_eq!((ints.add("a", 1), ints.get("a")), (1, Some(1)));
            let objects = backend.obj::<u8, str, _>(Options::new());
            objects.set("a", std::sync::Arc::new(7));
            assert_eq!(objects.get("a").as_deref(), Some(&7));
            assert_eq!(format!("{ints:?}"), "IntCache { len: 1, .. }");
            assert_eq!(format!("{objects:?}"), "ObjCache { len: 1, .. }");
            (&*ints).extend([("b".to_owned(), 2)]);
            assert_eq!(ints.get("b"), Some(2));
            backend.reclaim();
        }
    }
}
