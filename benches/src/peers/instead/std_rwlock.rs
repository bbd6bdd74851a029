use std::sync::atomic::AtomicI64;
use std::sync::{Arc, RwLock};

use crate::peer::Object;
use crate::peers::one_lock::{self, Map};

pub(in crate::peers) type Int<K> = one_lock::Int<RwLock<Map<K, AtomicI64>>, K>;
pub(in crate::peers) type Obj<K> = one_lock::Obj<RwLock<Map<K, Arc<Object>>>, K>;
