//! What an open page does by itself: its buttons copy what stands beside them, times age in their places, a form with something typed in it asks before it is left, and a date
//! that is being typed is told back.

use leptos::prelude::*;

/// Attends to the page. It shows nothing of its own.
#[island]
pub fn OpenPage(
    /// When the page was made, in milliseconds.
    made: f64,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    {
        copying::begin();
        aging::begin(made);
        leaving::begin();
        meaning::begin();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = made;
}

/// The buttons that copy wake up, and say so once they did.
#[cfg(feature = "hydrate")]
mod copying {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast as _;
    use web_sys::{Element, Event};

    use crate::islands::on;

    pub(super) fn begin() {
        let Ok(buttons) = document().query_selector_all("[data-copy][hidden]") else { return };
        for button in (0..buttons.length()).filter_map(|at| buttons.item(at)?.dyn_into::<Element>().ok()) {
            let _ = button.remove_attribute("hidden");
        }
        on(&document(), "click", |event: Event| {
            let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            if let Some(button) = pressed.and_then(|pressed| pressed.closest("[data-copy]").ok().flatten()) {
                copy(&button);
            }
        });
    }

    fn copy(button: &Element) {
        // The promise is not awaited: a refused permission leaves the clipboard as it was.
        let _ = window().navigator().clipboard().write_text(&button.get_attribute("data-copy").unwrap_or_default());
        if let Ok(Some(picture)) = button.query_selector("use") {
            let _ = picture.set_attribute("href", "#i-ok");
        }
        if let Ok(Some(status)) = button.query_selector("[role=status]") {
            status.set_text_content(Some("Copied"));
        }
    }
}

/// Distances grow while the page is looked at. Only those behind which nothing stands: nothing moves when they become longer.
#[cfg(feature = "hydrate")]
mod aging {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use js_sys::Date;
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast as _, JsValue};
    use web_sys::{Element, Event, Node};

    use crate::distance::distance;
    use crate::islands::on;

    /// How often they are looked at.
    const EVERY: Duration = Duration::from_secs(10);
    /// Cells and paragraphs; what else is inside of a sentence.
    const PLACES: &str = ":is(td, th, dd, p, small):not(.row) > time[data-near]";

    struct Aging {
        /// How far this machine's clock is behind the server's, in milliseconds.
        behind: f64,
        /// Whether the next time is set.
        runs: Cell<bool>,
    }

    pub(super) fn begin(made: f64) {
        let aging = Rc::new(Aging { behind: made - Date::now(), runs: Cell::new(false) });
        let shown = Rc::clone(&aging);
        on(&document(), "visibilitychange", move |_: Event| shown.go_on());
        aging.go_on();
    }

    impl Aging {
        /// Does nothing while nobody looks.
        fn go_on(self: &Rc<Self>) {
            if document().hidden() || self.runs.replace(true) {
                return;
            }
            self.write();
            let aging = Rc::clone(self);
            set_timeout(
                move || {
                    aging.runs.set(false);
                    aging.go_on();
                },
                EVERY,
            );
        }

        fn write(&self) {
            let Ok(times) = document().query_selector_all(PLACES) else { return };
            let now = Date::now() + self.behind;
            for time in (0..times.length()).filter_map(|at| times.item(at)?.dyn_into::<Element>().ok()) {
                if !ends_its_place(&time) {
                    continue;
                }
                let at = Date::new(&JsValue::from(time.get_attribute("datetime").unwrap_or_default())).get_time();
                // Whole seconds of less than some thousand years.
                #[expect(clippy::cast_possible_truncation, reason = "a distance is far below 2^53")]
                let seconds = ((now - at) / 1000.0) as i64;
                let words = distance(seconds).unwrap_or_else(|| format!("{} d ago", seconds / 86_400));
                if time.text_content().as_deref() != Some(&words) {
                    time.set_text_content(Some(&words));
                }
            }
        }
    }

    /// Whether nothing stands behind it, and its column keeps its width.
    fn ends_its_place(time: &Element) -> bool {
        let mut next = time.next_sibling();
        while let Some(node) = next {
            let is_seen =
                node.node_type() == Node::ELEMENT_NODE || node.text_content().is_some_and(|text| !text.is_empty());
            if is_seen && node.node_type() != Node::COMMENT_NODE {
                return false;
            }
            next = node.next_sibling();
        }
        time.closest(".tbl:not(.fixed)").ok().flatten().is_none()
    }
}

/// Whoever has filled in a long form and goes away without sending it is asked once.
#[cfg(feature = "hydrate")]
mod leaving {
    use std::cell::Cell;
    use std::rc::Rc;

    use leptos::prelude::*;
    use wasm_bindgen::JsCast as _;
    use web_sys::{Event, FormData, HtmlFormElement, UrlSearchParams};

    use crate::islands::on;

    pub(super) fn begin() {
        let form = document().query_selector("form[data-guarded]").ok().flatten();
        let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) else { return };
        let (is_sent, is_armed) = (Rc::new(Cell::new(false)), Cell::new(false));
        let sent = Rc::clone(&is_sent);
        on(&form, "submit", move |_: Event| sent.set(true));
        let shown = Rc::clone(&is_sent);
        on(&window(), "pageshow", move |_: Event| shown.set(false));
        let guarded = form.clone();
        // A page that may object to being left is not kept by the browser to come back to, so only one with a reason to may.
        let arm = move || {
            if is_armed.replace(true) {
                return;
            }
            let (form, is_sent) = (guarded.clone(), Rc::clone(&is_sent));
            on(&window(), "beforeunload", move |event: Event| {
                if !is_sent.get() && is_changed(&form) {
                    event.prevent_default();
                }
            });
        };
        if is_changed(&form) {
            arm();
        }
        on(&form, "input", move |_: Event| arm());
    }

    /// Whether it holds what its page did not, or was refused and so holds what is saved nowhere.
    fn is_changed(form: &HtmlFormElement) -> bool {
        if form.get_attribute("data-guarded").as_deref() == Some("typed") {
            return true;
        }
        let fresh = form.clone_node_with_deep(true).ok().and_then(|fresh| fresh.dyn_into::<HtmlFormElement>().ok());
        fresh.is_some_and(|fresh| {
            fresh.reset();
            filled_in(form) != filled_in(&fresh)
        })
    }

    fn filled_in(form: &HtmlFormElement) -> Option<String> {
        let data = FormData::new_with_form(form).ok()?;
        let fields = UrlSearchParams::new_with_record_from_str_to_str(data.unchecked_ref()).ok()?;
        Some(fields.to_string().into())
    }
}

/// The date and time of an end, as the server understands it in the zone of the form.
#[cfg(feature = "hydrate")]
mod meaning {
    use std::time::Duration;

    use leptos::leptos_dom::helpers::TimeoutHandle;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use wasm_bindgen::JsCast as _;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Event, HtmlInputElement, Response};

    use crate::islands::{on, rooted};

    /// How long somebody has to stop typing before the server is asked.
    const PAUSE: Duration = Duration::from_millis(250);

    fn input(selector: &str) -> Option<HtmlInputElement> {
        document().query_selector(selector).ok().flatten()?.dyn_into().ok()
    }

    pub(super) fn begin() {
        let Some(field) = input("#until_at") else { return };
        let waiting = StoredValue::new_local(None::<TimeoutHandle>);
        on(&field, "input", move |_: Event| {
            // Whoever names a moment means it.
            if let Some(choice) = input("#until-at") {
                choice.set_checked(true);
            }
            if let Some(earlier) = waiting.try_update_value(Option::take).flatten() {
                earlier.clear();
            }
            waiting.set_value(set_timeout_with_handle(|| spawn_local(tell()), PAUSE).ok());
        });
    }

    async fn tell() {
        let (Some(field), Some(zone)) = (input("#until_at"), input("input[name=zone]")) else { return };
        let Some(place) = document().query_selector("[data-means]").ok().flatten() else { return };
        let typed = field.value();
        let mut words = String::new();
        if !typed.is_empty() {
            let encoded = |text: &str| String::from(js_sys::encode_uri_component(text));
            let url = rooted(&format!("/admin/meaning?at={}&zone={}", encoded(&typed), encoded(&zone.value())));
            let Ok(answer) = JsFuture::from(window().fetch_with_str(&url)).await else { return };
            let Ok(answer) = answer.dyn_into::<Response>() else { return };
            let Some(text) = answer.text().ok().filter(|_| answer.ok()) else { return };
            words = JsFuture::from(text).await.ok().and_then(|text| text.as_string()).unwrap_or_default();
        }
        // What comes late is about what stands there no more.
        if field.value() == typed {
            place.set_text_content(Some(&words));
        }
    }
}
