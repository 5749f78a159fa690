//! Going somewhere by keyboard: the palette of pages and search results (Ctrl K), and single keys where the person wants them.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What the palette offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// What it is: "Page", "Customer".
    pub kind: String,
    /// What it is called.
    pub label: String,
    /// Its id, or the keys that lead there.
    pub hint: String,
    /// Where it leads.
    pub href: String,
}

/// The palette, closed. Its pages are those of the navigation.
#[island]
pub fn Palette(
    /// The mode of the page, in which it searches.
    mode: String,
    /// Whether single keys are shortcuts.
    keys: bool,
) -> impl IntoView {
    let dialog = NodeRef::<leptos::html::Dialog>::new();
    let typed = RwSignal::new(String::new());
    let found = RwSignal::new(Vec::<Offer>::new());
    let chosen = RwSignal::new(0_usize);
    let offers = RwSignal::new(Vec::<Offer>::new());
    #[cfg(feature = "hydrate")]
    going::begin(
        going::State {
            dialog,
            typed,
            found,
            chosen,
            offers,
            mode: StoredValue::new(mode),
            pages: StoredValue::default(),
        },
        keys,
    );
    #[cfg(not(feature = "hydrate"))]
    let _ = (mode, keys, found);

    let input = move |event| typed.set(event_target_value(&event));
    let key = move |event: leptos::ev::KeyboardEvent| {
        let last = offers.with(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|chosen| *chosen = if *chosen >= last { 0 } else { *chosen + 1 }),
            "ArrowUp" => chosen.update(|chosen| *chosen = if *chosen == 0 { last } else { *chosen - 1 }),
            "Enter" => go(offers.with(|offers| offers.get(chosen.get()).map(|offer| offer.href.clone()))),
            _ => return,
        }
        event.prevent_default();
    };
    let rows = move || {
        let row = |(at, offer): (usize, Offer)| {
            let is_chosen = move || chosen.get() == at;
            let href = offer.href;
            view! {
                <li role="option" id=format!("offer-{at}") aria-selected=move || is_chosen().to_string() on:click=move |_| go(Some(href.clone()))>
                    <span class="muted">{offer.kind}</span>
                    <span>{offer.label}</span>
                    <span class="mono muted">{offer.hint}</span>
                </li>
            }
        };
        offers.get().into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    let any = move || offers.with(|offers| !offers.is_empty());
    view! {
        <dialog class="palette" id="palette" node_ref=dialog aria-label="Go to a page, or search">
            <input type="text" role="combobox" aria-label="Page, e-mail address or id" aria-controls="offers" aria-autocomplete="list"
                aria-expanded=move || any().to_string() aria-activedescendant=move || any().then(|| format!("offer-{}", chosen.get())) autocomplete="off" spellcheck="false" placeholder="Page, e-mail address or id"
                prop:value=move || typed.get() on:input=input on:keydown=key />
            <ul role=move || any().then_some("listbox") aria-label=move || any().then_some("What there is") id="offers">{rows}</ul>
        </dialog>
    }
}

fn go(href: Option<String>) {
    #[cfg(feature = "hydrate")]
    if let Some(href) = href {
        let _ = window().location().set_href(&href);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = href;
}

#[cfg(feature = "hydrate")]
mod going {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use leptos::html::Dialog;
    use leptos::leptos_dom::helpers::TimeoutHandle;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use leptos::web_sys::KeyboardEvent;
    use wasm_bindgen::JsCast as _;
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{Element, HtmlElement, HtmlInputElement, Response};

    use super::{Offer, go};
    use crate::islands::rooted;

    /// How long somebody has to stop typing before the server is asked.
    const PAUSE: Duration = Duration::from_millis(150);
    /// How long after `g` its second key counts.
    const SECOND_KEY: Duration = Duration::from_secs(2);

    #[derive(Clone, Copy)]
    pub(super) struct State {
        pub(super) dialog: NodeRef<Dialog>,
        pub(super) typed: RwSignal<String>,
        pub(super) found: RwSignal<Vec<Offer>>,
        pub(super) chosen: RwSignal<usize>,
        pub(super) offers: RwSignal<Vec<Offer>>,
        pub(super) mode: StoredValue<String>,
        /// Each page with its key.
        pub(super) pages: StoredValue<Vec<(Offer, Option<String>)>>,
    }

    pub(super) fn begin(state: State, keys: bool) {
        state.pages.set_value(pages());
        // What is offered follows from what is typed and what was found for it.
        Effect::new(move |before: Option<String>| {
            let typed = state.typed.get();
            let offers = state.offered(&typed, state.found.get());
            // Who has gone on to one of them keeps it when more is found; who types on begins anew.
            let at = state.chosen.get_untracked();
            let kept = state.offers.with_untracked(|before| before.get(at).map(|offer| offer.href.clone()));
            let kept = kept.filter(|_| before.as_ref() == Some(&typed) && at > 0);
            let chosen = kept.and_then(|href| offers.iter().position(|offer| offer.href == href)).unwrap_or_default();
            state.offers.set(offers);
            state.chosen.set(chosen);
            typed
        });
        let waiting = StoredValue::new(None::<TimeoutHandle>);
        Effect::new(move |_| {
            let typed = state.typed.get().trim().to_owned();
            if let Some(earlier) = waiting.try_update_value(Option::take).flatten() {
                earlier.clear();
            }
            state.found.set(vec![]);
            if typed.chars().count() >= 2 {
                let ask = move || spawn_local(state.ask(typed));
                waiting.set_value(set_timeout_with_handle(ask, PAUSE).ok());
            }
        });
        let after_g = Rc::new(Cell::new(false));
        window_event_listener(leptos::ev::keydown, move |event| state.pressed(&event, keys, &after_g));
    }

    /// The navigation's entries.
    fn pages() -> Vec<(Offer, Option<String>)> {
        let Ok(links) = document().query_selector_all("#nav a") else { return vec![] };
        let links = (0..links.length()).filter_map(|at| links.item(at)?.dyn_into::<Element>().ok());
        links
            .filter_map(|link| {
                let label = link.first_element_child()?.text_content()?;
                let key = link.get_attribute("data-key");
                let hint = key.as_ref().map_or_else(String::new, |key| format!("g {key}"));
                Some((Offer { kind: "Page".into(), label, hint, href: link.get_attribute("href")? }, key))
            })
            .collect()
    }

    fn is_typing() -> bool {
        document().active_element().is_some_and(|element| {
            matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
                || element.dyn_ref::<HtmlElement>().is_some_and(HtmlElement::is_content_editable)
        })
    }

    impl State {
        fn offered(&self, typed: &str, found: Vec<Offer>) -> Vec<Offer> {
            let wanted = typed.trim().to_lowercase();
            let mut offers: Vec<Offer> = self.pages.with_value(|pages| {
                let fits = pages.iter().filter(|(page, _)| page.label.to_lowercase().contains(&wanted));
                fits.map(|(page, _)| page.clone()).collect()
            });
            offers.extend(found);
            if !wanted.is_empty() {
                let query: String = js_sys::encode_uri_component(typed.trim()).into();
                let label = format!("Search for “{}”", typed.trim());
                offers.push(Offer {
                    kind: "Search".into(),
                    label,
                    hint: String::new(),
                    href: rooted(&format!("/admin/search?q={query}")),
                });
            }
            offers
        }

        /// Asks the server; what comes late is for a question nobody asks any more.
        async fn ask(self, typed: String) {
            let query: String = js_sys::encode_uri_component(&typed).into();
            let url = rooted(&format!("/admin/palette?mode={}&q={query}", self.mode.get_value()));
            let Ok(answer) = JsFuture::from(window().fetch_with_str(&url)).await else { return };
            let Ok(answer) = answer.dyn_into::<Response>() else { return };
            let Some(text) = answer.text().ok().filter(|_| answer.ok()) else { return };
            let Ok(text) = JsFuture::from(text).await else { return };
            let offers = leptos::serde_json::from_str::<Vec<Offer>>(&text.as_string().unwrap_or_default());
            if let Ok(mut offers) = offers
                && self.typed.get_untracked().trim() == typed
            {
                for offer in &mut offers {
                    offer.href = rooted(&offer.href);
                }
                self.found.set(offers);
            }
        }

        fn open(&self) {
            let Some(dialog) = self.dialog.get_untracked().filter(|dialog| !dialog.open()) else { return };
            self.typed.set(String::new());
            // The browser takes the focus to the field, and back to where it was when the dialog closes.
            let _ = dialog.show_modal();
        }

        fn pressed(&self, event: &KeyboardEvent, keys: bool, after_g: &Rc<Cell<bool>>) {
            let key = event.key();
            if (event.ctrl_key() || event.meta_key()) && !event.alt_key() && key.eq_ignore_ascii_case("k") {
                event.prevent_default();
                self.open();
                return;
            }
            let is_open = self.dialog.get_untracked().is_some_and(|dialog| dialog.open());
            if !keys || is_open || event.ctrl_key() || event.meta_key() || event.alt_key() || is_typing() {
                return;
            }
            if after_g.replace(false) {
                let page = self.pages.with_value(|pages| {
                    let named = pages.iter().find(|(_, named)| named.as_deref() == Some(key.as_str()));
                    named.map(|(page, _)| page.href.clone())
                });
                if page.is_some() {
                    event.prevent_default();
                    go(page);
                    return;
                }
            }
            match key.as_str() {
                "/" => {
                    let search = document().get_element_by_id("q").and_then(|q| q.dyn_into::<HtmlInputElement>().ok());
                    if let Some(search) = search {
                        event.prevent_default();
                        let _ = search.focus();
                        search.select();
                    }
                }
                "?" => {
                    event.prevent_default();
                    self.open();
                }
                "g" => {
                    after_g.set(true);
                    let after_g = Rc::clone(after_g);
                    set_timeout(move || after_g.set(false), SECOND_KEY);
                }
                _ => {}
            }
        }
    }
}
