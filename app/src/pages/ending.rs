//! Who loses access soon, as far as anybody can know.

use domain::Timestamp;
use leptos::prelude::*;

use crate::components::{Pages, crumbs, empty, filter_chips, list_card, page_head, time};
use crate::context::Context;

/// `/admin/ending`
#[derive(Clone, Debug)]
pub struct View {
    /// How far ahead, in days.
    pub days: i64,
    /// How many users lose something until then.
    pub users: usize,
    /// The next one first.
    pub rows: Vec<Row>,
    /// The pages around this one.
    pub pages: Pages,
}

/// A feature of a user that ends.
#[derive(Clone, Debug)]
pub struct Row {
    /// The user.
    pub user_id: String,
    /// Path of the user's page, about this feature.
    pub href: String,
    /// The feature's key.
    pub feature: String,
    /// The first moment without it.
    pub at: Timestamp,
    /// Why it ends.
    pub why: String,
    /// The id of what ends, and its page if it has one.
    pub source: Option<(String, Option<String>)>,
}

impl View {
    pub(super) fn title(&self) -> String {
        let users = if self.users == 1 { "1 user loses".to_owned() } else { format!("{} users lose", self.users) };
        format!("{users} access · Ending")
    }

    pub(super) fn body(&self, context: &Context) -> AnyView {
        let spans =
            [7, 30].map(|days| (format!("Next {days} days"), format!("/admin/ending?days={days}"), self.days == days));
        let list = if self.rows.is_empty() {
            let heading = format!("Nobody is known to lose access in the next {} days", self.days);
            empty(heading, view! { <p>"Subscriptions that renew by themselves are taken to renew."</p> })
        } else {
            let rows = self.rows.iter().map(|row| row.view(context)).collect();
            let columns = [("When", 7), ("User", 14), ("Loses", 9), ("Because", 14), ("What ends", 16)];
            view! { {list_card("Access that ends", &columns, rows)}{self.pages.view(("loss", "losses"))} }.into_any()
        };
        view! {
            {crumbs(&[("Overview", "/admin".into())], "Ending")}
            {page_head("Who loses access soon", ())}
            {filter_chips("How far ahead", spans.into())}
            <p class="muted">
                "Canceled subscriptions, graces, overrides, passes and pauses with a known end. What renews by itself, a trial too, is taken to go on."
            </p>
            {list}
        }
        .into_any()
    }
}

impl Row {
    fn view(&self, context: &Context) -> AnyView {
        let source = self.source.clone().map(|(id, href)| match href {
            Some(href) => view! { <a class="mono" href=href>{id}</a> }.into_any(),
            None => view! { <span class="mono">{id}</span> }.into_any(),
        });
        view! {
            <tr>
                <td class="nowrap">{time(self.at, context.now)}</td>
                <th scope="row"><a href=self.href.clone()>{self.user_id.clone()}</a></th>
                <td class="mono">{self.feature.clone()}</td>
                <td>{self.why.clone()}</td>
                <td>{source}</td>
            </tr>
        }
        .into_any()
    }
}
