//! What has come and what goes on, told by the server as it happens. What changes stands in the page already, so that nothing moves: the
//! pill in the top bar, the link to the newest rows, the progress of what is worked on.

use leptos::prelude::*;

/// Listens to `/admin/live` while the page is looked at, and says now and then that there is something new.
#[island]
pub fn Live(
    /// Where this page hears what is new.
    url: String,
) -> impl IntoView {
    let said = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    listening::begin(url, said);
    #[cfg(not(feature = "hydrate"))]
    let _ = url;
    view! { <span class="vh" role="status">{move || said.get()}</span> }
}

#[cfg(feature = "hydrate")]
mod listening {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use leptos::prelude::*;
    use web_sys::{Element, EventSource, MessageEvent};

    use crate::islands::{on, rooted};

    /// How often somebody who does not see the page is told, at most.
    const QUIET: Duration = Duration::from_secs(10);
    /// How long until the next try after the server sent us away, at first and at most.
    const DELAY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

    struct Listener {
        url: String,
        said: RwSignal<String>,
        /// What is to be said at the end of the quiet time; none: it is not quiet time.
        next: RefCell<Option<String>>,
        source: RefCell<Option<EventSource>>,
        delay: RefCell<Duration>,
    }

    /// The part of the page with this name.
    fn part(name: &str) -> Option<Element> {
        document().query_selector(&format!("[data-live={name}]")).ok().flatten()
    }

    pub(super) fn begin(url: String, said: RwSignal<String>) {
        let topic = document().query_selector("[data-live-topic]").ok().flatten();
        let topic = topic.and_then(|element| element.get_attribute("data-live-topic"));
        let url = topic.map_or(url.clone(), |topic| format!("{url}&topic={topic}"));
        let next = RefCell::new(None);
        let listener = Rc::new(Listener { url, said, next, source: RefCell::default(), delay: RefCell::new(DELAY.0) });
        // A page that comes back from the browser's memory has no connection any more, and one with a connection is not kept there.
        let (shown, hidden) = (Rc::clone(&listener), Rc::clone(&listener));
        on(&window(), "pageshow", move |_: web_sys::Event| shown.follow_the_eye());
        on(&window(), "pagehide", move |_: web_sys::Event| hidden.close());
        let watched = Rc::clone(&listener);
        on(&document(), "visibilitychange", move |_: web_sys::Event| watched.follow_the_eye());
        listener.follow_the_eye();
    }

    impl Listener {
        /// Listens to nothing that nobody looks at.
        fn follow_the_eye(self: &Rc<Self>) {
            if document().hidden() {
                self.close();
            } else if self.source.borrow().is_none() {
                self.open();
            }
        }

        fn close(&self) {
            if let Some(source) = self.source.take() {
                source.close();
            }
        }

        fn open(self: &Rc<Self>) {
            let Ok(source) = EventSource::new(&rooted(&self.url)) else { return };
            let heard = |name: &str, act: fn(&Rc<Self>, &str)| {
                let listener = Rc::clone(self);
                on(&source, name, move |event: MessageEvent| {
                    *listener.delay.borrow_mut() = DELAY.0;
                    if let Some(text) = event.data().as_string() {
                        act(&listener, &text);
                    }
                });
            };
            heard("health", |_, words| {
                if let Some(pill) = part("health") {
                    pill.set_text_content(Some(words));
                }
            });
            heard("events", Self::events);
            heard("job", Self::job);
            let listener = Rc::clone(self);
            on(&source, "error", move |_: web_sys::Event| listener.lost());
            self.source.replace(Some(source));
        }

        /// A lost connection the browser mends by itself; an answer other than 200 (signed out, too many listeners) it takes for the end.
        fn lost(self: &Rc<Self>) {
            let is_over = |source: &EventSource| source.ready_state() == EventSource::CLOSED;
            if !self.source.borrow().as_ref().is_some_and(is_over) {
                return;
            }
            self.source.take();
            let delay = *self.delay.borrow();
            *self.delay.borrow_mut() = DELAY.1.min(delay * 2);
            let listener = Rc::clone(self);
            set_timeout(move || listener.follow_the_eye(), delay);
        }

        fn events(self: &Rc<Self>, number: &str) {
            let Some(link) = part("events").filter(|_| number != "0") else { return };
            let words = link.get_attribute("data-words").unwrap_or_default().replace('#', number);
            link.set_text_content(Some(&words));
            let _ = link.class_list().add_1("primary");
            self.say(words);
        }

        /// `runs` or `ended`, how much of how much is done, and the sentence: each on a line.
        fn job(self: &Rc<Self>, text: &str) {
            let mut lines = text.splitn(4, '\n');
            let (state, done, all) = (lines.next(), lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
            let sentence = lines.next().unwrap_or_default();
            if let Some(element) = part("sentence") {
                element.set_text_content(Some(sentence));
            }
            if let Some(bar) = part("progress") {
                if all.is_empty() {
                    let _ = bar.set_attribute("hidden", "");
                } else {
                    let _ = bar.set_attribute("max", all);
                    let _ = bar.set_attribute("value", done);
                    let _ = bar.remove_attribute("hidden");
                }
            }
            self.say(sentence.to_owned());
            if state == Some("ended") {
                self.close();
                Self::show_the_end();
            }
        }

        /// The page as it is now, unless somebody would lose their place by it.
        fn show_the_end() {
            let is_idle = document()
                .active_element()
                .is_none_or(|element| matches!(element.tag_name().as_str(), "BODY" | "MAIN"));
            if is_idle {
                let _ = window().location().reload();
            } else if let Some(link) = part("result") {
                link.set_text_content(Some("Show the result"));
                let _ = link.class_list().add_1("primary");
            }
        }

        /// Says it to who does not see it, the first at once, what follows at most every ten seconds.
        fn say(self: &Rc<Self>, words: String) {
            if self.next.borrow().is_some() {
                self.next.replace(Some(words));
                return;
            }
            self.next.replace(Some(words.clone()));
            self.said.set(words);
            let listener = Rc::clone(self);
            set_timeout(
                move || {
                    let last = listener.next.take().unwrap_or_default();
                    if last != listener.said.get_untracked() {
                        listener.say(last);
                    }
                },
                QUIET,
            );
        }
    }
}
