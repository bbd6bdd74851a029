//! The conformance suite that every backend passes, including panics in the code of keys and objects.

cache_testkit::conformance!(cache_bucket::BucketBackend);
cache_testkit::panics_in_keys!(cache_bucket::BucketBackend);
cache_testkit::calls_from_keys!(cache_bucket::BucketBackend);
