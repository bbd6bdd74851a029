//! The scripts. Each is atomic, keeps the invariant, and can be asked again when its answer was lost.

use std::sync::LazyLock;

use crate::Script;

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("scripts/prelude.lua"),
                include_str!(concat!("scripts/", $file))
            ))
        });
    };
}

script!(ACQUIRE, "acquire.lua");
script!(RENEW, "renew.lua");
script!(COMMIT, "commit.lua");
script!(CLOSE, "close.lua");
script!(OVERDUE, "overdue.lua");
script!(REAP, "reap.lua");
script!(CREATE, "create.lua");
script!(RESTOCK, "restock.lua");
script!(CANCEL, "cancel.lua");
script!(INSPECT, "inspect.lua");
