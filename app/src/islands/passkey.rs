//! The button that makes a passkey, or signs with one: the browser asks its person, and the form around the button is sent with the answer.

use leptos::prelude::*;

/// Where the browser learns what to sign.
#[cfg(feature = "hydrate")]
const OPTIONS: &str = "/admin/login/passkey/options";

/// A button for a form: the browser's answer goes with the form as `passkey`. Without WASM, or where the browser knows no passkeys, it says
/// that it cannot.
#[island]
pub fn PasskeyButton(
    /// Its words.
    label: String,
    /// Whether it is what the form is for.
    primary: bool,
    /// What a new passkey is made by, as JSON; none to sign with one there is.
    options: Option<String>,
) -> impl IntoView {
    let can = RwSignal::new(false);
    let said = RwSignal::new("Passkeys need JavaScript, and a browser that knows them.".to_owned());
    let button = NodeRef::<leptos::html::Button>::new();
    // Afterwards, since waking takes the page for what the server made of the same.
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if asking::is_possible() {
            can.set(true);
            said.set(String::new());
        }
    });
    let press = move |event: leptos::ev::MouseEvent| {
        // The form is sent once the browser has answered.
        event.prevent_default();
        #[cfg(feature = "hydrate")]
        asking::ask(button, said, options.clone());
        #[cfg(not(feature = "hydrate"))]
        let _ = &options;
    };
    view! {
        <input type="hidden" name="passkey" value="" />
        <div class="actions">
            <button type="submit" class=if primary { "btn primary" } else { "btn" } node_ref=button disabled=move || !can.get() on:click=press>{label}</button>
        </div>
        <p class="hint" role="status">{move || said.get()}</p>
    }
}

#[cfg(feature = "hydrate")]
mod asking {
    use js_sys::{Function, JSON, Object, Promise, Reflect};
    use leptos::html::Button;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::{JsCast as _, JsValue};
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{HtmlFormElement, HtmlInputElement, RequestInit, Response, UrlSearchParams};

    use super::OPTIONS;
    use crate::islands::rooted;

    type Result<T> = std::result::Result<T, JsValue>;

    fn get(target: &JsValue, name: &str) -> Result<JsValue> {
        Reflect::get(target, &name.into())
    }

    fn function(target: &JsValue, name: &str) -> Result<Function> {
        get(target, name)?.dyn_into()
    }

    fn kind() -> Result<JsValue> {
        get(&window(), "PublicKeyCredential")
    }

    /// Whether this browser reads options as servers send them, which all do that are younger than 2025.
    pub(super) fn is_possible() -> bool {
        kind().is_ok_and(|kind| kind.is_function() && function(&kind, "parseRequestOptionsFromJSON").is_ok())
    }

    pub(super) fn ask(button: NodeRef<Button>, said: RwSignal<String>, options: Option<String>) {
        let form = button.get_untracked().and_then(|button| button.closest("form").ok().flatten());
        let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) else { return };
        said.set(String::new());
        spawn_local(async move {
            match answer(&form, options).await {
                Ok(()) => {}
                Err(error) => said.set(sentence(&error)),
            }
        });
    }

    fn field(form: &HtmlFormElement, name: &str) -> Result<HtmlInputElement> {
        let field = form.query_selector(&format!("input[name={name}]"))?;
        Ok(field.ok_or(JsValue::NULL)?.unchecked_into())
    }

    async fn answer(form: &HtmlFormElement, options: Option<String>) -> Result<()> {
        let (reads, does) = match options {
            Some(_) => ("parseCreationOptionsFromJSON", "create"),
            None => ("parseRequestOptionsFromJSON", "get"),
        };
        let options = match options {
            Some(options) => options,
            None => fetch(&field(form, "csrf")?.value()).await?,
        };
        let kind = kind()?;
        let public_key = function(&kind, reads)?.call1(&kind, &JSON::parse(&options)?)?;
        let asked = Object::new();
        Reflect::set(&asked, &"publicKey".into(), &public_key)?;
        let credentials = get(&window().navigator(), "credentials")?;
        let promise: Promise = function(&credentials, does)?.call1(&credentials, &asked)?.dyn_into()?;
        let made = JsFuture::from(promise).await?;
        field(form, "passkey")?.set_value(&String::from(JSON::stringify(&made)?));
        form.submit()
    }

    async fn fetch(csrf: &str) -> Result<String> {
        let body = UrlSearchParams::new()?;
        body.append("csrf", csrf);
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&body);
        let answer: Response =
            JsFuture::from(window().fetch_with_str_and_init(&rooted(OPTIONS), &init)).await?.dyn_into()?;
        if !answer.ok() {
            return Err(JsValue::NULL);
        }
        JsFuture::from(answer.text()?).await?.as_string().ok_or(JsValue::NULL)
    }

    /// What is said by the button when it came to nothing.
    fn sentence(error: &JsValue) -> String {
        let name = get(error, "name").ok().and_then(|name| name.as_string());
        match name.as_deref() {
            Some("NotAllowedError" | "AbortError") => {
                "No passkey was used: it was cancelled, or took too long. Try again."
            }
            Some("InvalidStateError") => "This device holds a passkey of yours already.",
            Some("SecurityError") => "The browser allows no passkeys at this address.",
            _ => "That did not work. Load the page again, and try once more.",
        }
        .to_owned()
    }
}
