use cache_policy::Cache;
use cache_policy::snapshot::{Part, SnapshotError};
use cache_rwlock::RwLockBackend;
use serde::{Deserialize, Serialize};

type Events<V> = Cache<V, str, RwLockBackend>;

#[derive(Serialize, Deserialize)]
struct Old {
    title: String,
    seats: u32,
}

fn old() -> Vec<u8> {
    let cache: Events<Old> = Cache::new();
    cache.insert("event", Old { title: "Flash sale".to_owned(), seats: 100 });
    let mut bytes = Vec::new();
    let _ = cache.snapshot().write_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn fields_are_found_by_name() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        seats: u64,
        #[serde(default)]
        sold: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        title: String,
    }
    let cache: Events<New> = Cache::new();
    let _ = cache.snapshot().read_from(&old()[..]).unwrap();
    let event = New { seats: 100, sold: 0, note: None, title: "Flash sale".to_owned() };
    assert_eq!(cache.get("event").as_deref(), Some(&event));
    let mut bytes = Vec::new();
    let _ = cache.snapshot().write_to(&mut bytes).unwrap();
    cache.clear();
    assert_eq!(cache.snapshot().read_from(&bytes[..]).unwrap().inserted, 1);
}

#[test]
fn what_does_not_fit_is_named() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Priced {
        title: String,
        price: u32,
    }
    let cache: Events<Priced> = Cache::new();
    let error = cache.snapshot().read_from(&old()[..]).unwrap_err();
    assert!(matches!(&error, SnapshotError::Deserialize { part: Part::Value, .. }), "{error}");
    assert!(error.to_string().ends_with("does not deserialize: missing field `price`"), "{error}");
    assert!(cache.is_empty());

    let cache: Cache<Old, u64, RwLockBackend> = Cache::new();
    let error = cache.snapshot().read_from(&old()[..]).unwrap_err();
    assert!(matches!(&error, SnapshotError::Deserialize { part: Part::Key, .. }), "{error}");
}

#[test]
fn enums_and_values_without_a_type() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(i64, String),
        Struct { a: Option<u8>, b: Vec<f64> },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    let shapes = || {
        [
            (Shape::Unit, Either::Number(-1)),
            (Shape::Newtype(255), Either::Text("text".to_owned())),
            (Shape::Tuple(i64::MIN, "é".to_owned()), Either::Number(i64::MAX)),
            (Shape::Struct { a: None, b: vec![f64::INFINITY, -0.5] }, Either::Text(String::new())),
        ]
    };
    let cache: Cache<(Shape, Either), u64, RwLockBackend> = Cache::new();
    (0..).zip(shapes()).for_each(|(n, shape)| _ = cache.insert(&n, shape));
    let mut bytes = Vec::new();
    let _ = cache.snapshot().write_to(&mut bytes).unwrap();
    cache.clear();
    let _ = cache.snapshot().read_from(&bytes[..]).unwrap();
    for (n, shape) in (0..).zip(shapes()) {
        assert_eq!(cache.get(&n).as_deref(), Some(&shape));
    }
}
