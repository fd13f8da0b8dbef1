//! A JavaScript function that is called from the loop, as node itself calls back.

use std::any::Any;
use std::ffi::c_char;
use std::ptr::null_mut;

use napi::sys as js;

pub struct Callback {
    env: js::napi_env,
    function: js::napi_ref,
    resource: js::napi_ref,
    context: js::napi_async_context,
    /// What must not be collected while this can be called: memory that both sides use.
    kept: js::napi_ref,
}

impl Callback {
    /// `name` and `resource` are what async hooks see.
    ///
    /// # Safety
    /// Runs on the thread of `env`; `function` is a function, `resource` and `kept` are objects.
    pub unsafe fn new(env: js::napi_env, name: &str, [function, resource, kept]: [js::napi_value; 3]) -> Self {
        unsafe {
            let hold = |value| {
                let mut reference = null_mut();
                js::napi_create_reference(env, value, 1, &mut reference);
                reference
            };
            let (mut text, mut context) = (null_mut(), null_mut());
            js::napi_create_string_utf8(env, name.as_ptr().cast::<c_char>(), name.len() as isize, &mut text);
            js::napi_async_init(env, resource, text, &mut context);
            Self { env, function: hold(function), resource: hold(resource), context, kept: hold(kept) }
        }
    }

    /// Ticks and promise jobs run when the function has returned. What it throws becomes an uncaught exception.
    ///
    /// # Safety
    /// Runs on the thread of `env`, before `release`.
    pub unsafe fn call(&self, argument: i32) {
        let env = self.env;
        unsafe {
            let mut scope = null_mut();
            js::napi_open_handle_scope(env, &mut scope);
            let (mut function, mut resource, mut value) = (null_mut(), null_mut(), null_mut());
            js::napi_get_reference_value(env, self.function, &mut function);
            js::napi_get_reference_value(env, self.resource, &mut resource);
            js::napi_create_int32(env, argument, &mut value);
            js::napi_make_callback(env, self.context, resource, function, 1, &value, null_mut());
            let mut is_pending = false;
            js::napi_is_exception_pending(env, &mut is_pending);
            if is_pending {
                let mut thrown = null_mut();
                js::napi_get_and_clear_last_exception(env, &mut thrown);
                js::napi_fatal_exception(env, thrown);
            }
            js::napi_close_handle_scope(env, scope);
        }
    }

    /// Throws a panic at the thread as an uncaught exception: a worker ends by it and is replaced. It never unwinds into libuv.
    ///
    /// # Safety
    /// Runs on the thread of `env`.
    pub unsafe fn throw_panic(&self, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let message = format!("the native core panicked: {text}");
        let env = self.env;
        unsafe {
            let mut scope = null_mut();
            js::napi_open_handle_scope(env, &mut scope);
            let (mut text, mut error) = (null_mut(), null_mut());
            js::napi_create_string_utf8(env, message.as_ptr().cast(), message.len() as isize, &mut text);
            js::napi_create_error(env, null_mut(), text, &mut error);
            js::napi_fatal_exception(env, error);
            js::napi_close_handle_scope(env, scope);
        }
    }

    /// # Safety
    /// Runs on the thread of `env`, once; nothing is called after it.
    pub unsafe fn release(&self) {
        unsafe {
            js::napi_async_destroy(self.env, self.context);
            for reference in [self.function, self.resource, self.kept] {
                js::napi_delete_reference(self.env, reference);
            }
        }
    }
}
