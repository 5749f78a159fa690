//! All events of one of Stripe's objects, in the order of Stripe's clock: what came out of order is seen at once.

use domain::Timestamp;
use leptos::prelude::*;

use crate::components::{address, card, event_chip, shortened, table, time};
use crate::context::Context;
use crate::pages::events::{Row, segment};

/// The events of an object.
#[derive(Clone, Debug)]
pub struct About {
    /// `sub_…`, `in_…`
    pub object_id: String,
    /// The newest on Stripe's clock first.
    pub lines: Vec<Line>,
    /// Whether there are more of them.
    pub more: bool,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Line {
    /// The event.
    pub event: Row,
    /// On Stripe's clock.
    pub created: Timestamp,
    /// Whether a newer one had come before it.
    pub late: bool,
}

impl About {
    /// A table of them. `this` is the event whose page it stands on.
    pub(crate) fn card(&self, context: &Context, this: Option<&str>) -> AnyView {
        let log = address("/admin/events", &[("q", &self.object_id), ("since", "any")]);
        let log = view! { <a class="btn sm" href=log>{format!("Log of {}", shortened(&self.object_id))}</a> };
        if self.lines.is_empty() {
            let words = "Stripe has sent no event of it: what is known was read from Stripe.";
            return card("Events", log, view! { <p class="pad muted">{words}</p> });
        }
        let late = self.lines.iter().filter(|line| line.late).count();
        let warning = (late > 0).then(|| {
            let words = match late {
                1 => "One came after a newer one.".to_owned(),
                late => format!("{late} came after newer ones."),
            };
            view! { <p class="pad">{words}" What Stripe's clock says is older changes nothing that is newer."</p> }
        });
        let more = self.more.then(|| view! { <p class="pad muted">"Older ones are in the log."</p> });
        let rows = self.lines.iter().map(|line| line.row(context, this)).collect();
        let columns = [("Created by Stripe", 9), ("Event", 16), ("Status", 9), ("Effect", 16), ("Received", 9)];
        card(
            "Events in Stripe's order",
            log,
            view! { {warning}{table("Events in Stripe's order", &columns, rows)}{more} },
        )
    }
}

impl Line {
    fn row(&self, context: &Context, this: Option<&str>) -> AnyView {
        let event = &self.event;
        let here = this == Some(event.event_id.as_str());
        let what = if here {
            view! { {event.kind.clone()}<small>"this event"</small> }.into_any()
        } else {
            let href = format!("/admin/events/{}", segment(&event.event_id));
            view! { <a href=href title=event.event_id.clone()>{event.kind.clone()}</a> }.into_any()
        };
        let late = self.late.then(|| view! { <small>"after a newer one"</small> });
        view! {
            <tr aria-current=here.then_some("true")>
                <td class="nowrap">{time(self.created, context.now)}</td>
                <th scope="row">{what}</th>
                <td>{event_chip(event.status)}</td>
                <td class="wide">{event.effect.clone()}</td>
                <td class="nowrap">{time(event.received_at, context.now)}{late}</td>
            </tr>
        }
        .into_any()
    }
}
