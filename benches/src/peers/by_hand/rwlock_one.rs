use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use parking_lot::RwLock;

use crate::peer::Object;
use crate::peers::one_lock::{self, Map};

pub(in crate::peers) type Int = one_lock::Int<RwLock<Map<AtomicI64>>>;
pub(in crate::peers) type Obj = one_lock::Obj<RwLock<Map<Arc<Object>>>>;
