use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

/// Below the ephemeral ports, so that no outgoing connection takes the port of a server that is down for a restart.
const FIRST: u32 = 11_000;
const PORTS: u32 = 10_000;

/// A cluster node listens on this port above its own, too.
const BUS: u32 = 10_000;

/// Returns a port that is free now, with its cluster bus port. Another process may take it before the server does.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    // Tests that run at the same time in other processes start elsewhere.
    let start = (start / 1000).wrapping_add(process::id().wrapping_mul(131));
    for _ in 0..PORTS {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let port = FIRST + offset;
        if is_free(port) && is_free(port + BUS) {
            return u16::try_from(port).expect("the range is below 65536");
        }
    }
    panic!("no free port from {FIRST} to {}", FIRST + PORTS - 1);
}

fn is_free(port: u32) -> bool {
    let port = u16::try_from(port).expect("the range is below 65536");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
