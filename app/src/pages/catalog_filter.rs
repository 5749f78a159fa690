//! What narrows the catalog: a text in a name or id, a feature that is given, or that nothing is although somebody pays.

use leptos::prelude::*;

use crate::components::{Choice, active_filters, address, choices, hidden};

/// The catalog's page.
const PAGE: &str = "/admin/catalog";

/// Which prices and products are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What a name or an id holds.
    pub query: String,
    /// The key of a feature that they give, by themselves or through their product.
    pub gives: String,
    /// Whether only those that are paid for and give nothing.
    pub is_idle: bool,
}

impl Filter {
    /// Every field with its name in the address.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 3] {
        [("q", &self.query), ("gives", &self.gives), ("only", if self.is_idle { "idle" } else { "" })]
    }

    /// Whether everything is listed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.query.is_empty() && self.gives.is_empty() && !self.is_idle
    }

    /// Where the list with this filter is.
    #[must_use]
    pub fn href(&self) -> String {
        address(PAGE, &self.fields())
    }

    /// The form, the chips, and what counts now. `idle` are paid for and give nothing.
    pub(super) fn view(&self, idle: i64) -> AnyView {
        let all = Self { is_idle: false, ..self.clone() };
        let only = Self { is_idle: true, gives: String::new(), ..self.clone() };
        let chips = [
            Choice { words: "All".into(), href: all.href(), chosen: !self.is_idle, count: None },
            Choice {
                words: "Paid for, gives nothing".into(),
                href: only.href(),
                chosen: self.is_idle,
                count: Some(idle),
            },
        ];
        let searched = (!self.query.is_empty()).then(|| {
            let without = Self { query: String::new(), ..self.clone() };
            (format!("Holds “{}”", self.query), without.href())
        });
        let gives = (!self.gives.is_empty()).then(|| {
            let without = Self { gives: String::new(), ..self.clone() };
            (format!("Gives {}", self.gives), without.href())
        });
        let kept = [("gives", self.gives.clone()), ("only", if self.is_idle { "idle" } else { "" }.to_owned())];
        let kept: Vec<_> =
            kept.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| hidden(name, value)).collect();
        view! {
            <form class="filters" action=PAGE>
                {kept}
                <div class="field grow">
                    <label for="find">"Name or id holds"</label>
                    <input id="find" name="q" type="search" value=self.query.clone() autocomplete="off" />
                </div>
                <button type="submit" class="btn">"Find"</button>
            </form>
            {choices("Which prices and products", chips.into())}
            {active_filters(searched.into_iter().chain(gives).collect(), PAGE)}
        }
        .into_any()
    }
}
