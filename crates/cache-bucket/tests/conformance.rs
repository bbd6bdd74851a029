//! What every backend must do, panics in keys' and objects' own code included.

cache_testkit::conformance!(cache_bucket::BucketBackend);
cache_testkit::panics_in_keys!(cache_bucket::BucketBackend);
cache_testkit::calls_from_keys!(cache_bucket::BucketBackend);
