//! An allocator that frees memory late. A model that reads freed memory is then reported by loom, instead of crashing
//! or reading another object first.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::Mutex;

#[global_allocator]
static LATE: Late = Late(Mutex::new(Ring { kept: [(ptr::null_mut(), Layout::new::<u8>()); KEPT], next: 0 }));

/// The number of blocks that are kept: as many as some executions of a model free.
const KEPT: usize = 1 << 14;
/// The greatest size of a block that is kept. Larger blocks are loom's own.
const MOST: usize = 16 << 10;

struct Late(Mutex<Ring>);

struct Ring {
    kept: [(*mut u8, Layout); KEPT],
    next: usize,
}

// SAFETY: the blocks belong to the ring alone.
unsafe impl Send for Ring {}

// SAFETY: as for the system's allocator; a block is freed once, later. The standard library's mutex does not
// allocate.
unsafe impl GlobalAlloc for Late {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let mut out = (block, layout);
        if layout.size() <= MOST
            && let Ok(mut ring) = self.0.lock()
        {
            let next = ring.next;
            std::mem::swap(&mut ring.kept[next % KEPT], &mut out);
            ring.next = next.wrapping_add(1);
        }
        if !out.0.is_null() {
            // SAFETY: a caller freed it, now or before.
            unsafe { System.dealloc(out.0, out.1) }
        }
    }
}
