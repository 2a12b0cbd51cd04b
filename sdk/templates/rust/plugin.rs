//! @NAME@: a plugin for Understudy in Rust, without a crate: `#[repr(C)]` of understudy/abi.h, major 1.
use std::ffi::c_void;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    data: *const u8,
    len: usize,
}
impl Bytes {
    const fn of(text: &'static str) -> Bytes {
        Bytes { data: text.as_ptr(), len: text.len() }
    }
    /// Borrowed for the length of the call that passed it.
    unsafe fn text<'a>(self) -> &'a str {
        if self.len == 0 {
            return "";
        }
        std::str::from_utf8(std::slice::from_raw_parts(self.data, self.len)).unwrap_or("")
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Port {
    size: u32,
    flags: u32,
    ctx: *mut c_void,
    call: extern "C" fn(*mut c_void, u64, Bytes, Bytes, i64),
    cancel: extern "C" fn(*mut c_void, u64),
    complete: extern "C" fn(*mut c_void, u64, i32, Bytes),
    notify: extern "C" fn(*mut c_void, Bytes, Bytes),
}

#[repr(C)]
pub struct Plugin {
    size: u32,
    abi_major: u32,
    abi_minor: u32,
    flags: u32,
    manifest: Bytes,
    create: extern "C" fn(*const Port, Bytes, *mut Port) -> i32,
    destroy: extern "C" fn(*mut c_void),
}
unsafe impl Sync for Plugin {}

// us_status
const OK: i32 = 0;
const UNSUPPORTED: i32 = 1;
@MORE_STATUS@
struct Instance {
    host: Port, // copied: the one given to create is only borrowed
}

/// What each method answers. Fill in real work; what takes long belongs on a thread of its own.
fn answer(method: &str) -> Option<(i32, &'static str)> {
    match method {
@ANSWERS@        _ => None,
    }
}

// Nothing may unwind across the boundary: a panic in an extern "C" function aborts, so do not panic here.
extern "C" fn on_call(ctx: *mut c_void, op: u64, method: Bytes, _params: Bytes, _budget_ms: i64) {
    let me = unsafe { &*(ctx as *const Instance) };
    match answer(unsafe { method.text() }) {
        Some((status, reply)) => (me.host.complete)(me.host.ctx, op, status, Bytes::of(reply)),
        None => (me.host.complete)(me.host.ctx, op, UNSUPPORTED, Bytes::of("{\"message\": \"no such method\"}")),
    }
}
extern "C" fn on_cancel(_ctx: *mut c_void, _op: u64) {}
extern "C" fn on_complete(_ctx: *mut c_void, _op: u64, _status: i32, _result: Bytes) {}
extern "C" fn on_notify(_ctx: *mut c_void, _topic: Bytes, _params: Bytes) {}

extern "C" fn create(host: *const Port, _settings: Bytes, out: *mut Port) -> i32 {
    let me = Box::new(Instance { host: unsafe { *host } });
    unsafe {
        *out = Port {
            size: std::mem::size_of::<Port>() as u32,
            flags: 0,
            ctx: Box::into_raw(me) as *mut c_void,
            call: on_call,
            cancel: on_cancel,
            complete: on_complete,
            notify: on_notify,
        };
    }
    OK
}
extern "C" fn destroy(ctx: *mut c_void) {
    drop(unsafe { Box::from_raw(ctx as *mut Instance) });
}

static PLUGIN: Plugin = Plugin {
    size: std::mem::size_of::<Plugin>() as u32,
    abi_major: 1,
    abi_minor: 0,
    flags: 0,
    manifest: Bytes::of(
        r#"{"name": "@NAME@", "version": "0.1.0", "license": "", "summary": "",@TOP_LEVEL@
            "interfaces": {"@INTERFACE@": {"provides": [@PROVIDES@], "settings": {"type": "object"}}}, "needs": []}"#,
    ),
    create,
    destroy,
};

#[no_mangle]
pub extern "C" fn understudy_plugin() -> *const Plugin {
    &PLUGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_what_it_offers() {
        assert_eq!(answer("@FIRST_METHOD@").map(|a| a.0), Some(@FIRST_STATUS@));
        assert!(answer("no.such/1").is_none());
        assert_eq!(unsafe { &*understudy_plugin() }.abi_major, 1);
    }
}
