//! The settings as they are in effect, and where each comes from.

use leptos::prelude::*;

use crate::components::{card, page_head, table};
use crate::context::Context;

/// `/admin/settings`
#[derive(Clone, Debug)]
pub struct View {
    /// Every setting, secrets masked.
    pub settings: Vec<Setting>,
}

/// One setting.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The variable, such as `PUBLIC_URL`.
    pub name: &'static str,
    /// Its value, masked if secret; none when it has none.
    pub value: Option<String>,
    /// Where it comes from: `default`, `env`, `flag` or a file.
    pub source: String,
    /// What it means.
    pub help: &'static str,
}

/// Parts of the page: heading, where more of it is changed (words and address), and which settings stand there.
type Part = (&'static str, Option<(&'static str, &'static str)>, fn(&str) -> bool);

const PARTS: [Part; 3] = [
    ("Stripe", Some(("Check the set-up", "/admin/validator")), is_about_stripe),
    (
        "Policy, where no feature and no price says otherwise",
        Some(("Policies of features", "/admin/features")),
        is_policy,
    ),
    ("This installation", Some(("System", "/admin/system")), |name| !is_about_stripe(name) && !is_policy(name)),
];

fn is_about_stripe(name: &str) -> bool {
    name.starts_with("STRIPE_")
        || name.starts_with("RECONCILE")
        || matches!(name, "WEBHOOK_TOLERANCE" | "USER_METADATA_KEYS")
}

fn is_policy(name: &str) -> bool {
    name.ends_with("_POLICY") || matches!(name, "PAST_DUE_GRACE" | "PERIOD_LEEWAY")
}

impl View {
    pub(super) fn title(&self) -> String {
        "Settings".into()
    }

    pub(super) fn body(&self, _context: &Context) -> AnyView {
        let parts: Vec<_> = PARTS.iter().map(|part| self.part(part)).collect();
        view! {
            {page_head("Settings", ())}
            <p>"Settings come from flags, the environment or a file .env, and are read once at the start: change them there, and start the program again. "
                "A flag beats the environment."</p>
            {parts}
            {kept()}
        }
        .into_any()
    }

    fn part(&self, (heading, more, belongs): &Part) -> AnyView {
        let rows = self
            .settings
            .iter()
            .filter(|setting| belongs(setting.name))
            .map(|setting| {
                let value = match setting.value.clone() {
                    Some(value) => view! { <code class="wrap-any">{value}</code> }.into_any(),
                    None => view! { <span class="muted">"not set"</span> }.into_any(),
                };
                view! {
                    <tr>
                        <th scope="row" class="mono">{setting.name}</th>
                        <td class="wide">{value}</td>
                        <td>{setting.source.clone()}</td>
                        <td class="wide">{setting.help}</td>
                    </tr>
                }
                .into_any()
            })
            .collect();
        let more = more.map(|(words, href)| view! { <a class="btn sm" href=href>{words}</a> });
        card(*heading, more, table(heading, &[("Setting", 16), ("Value", 14), ("From", 9), ("Meaning", 20)], rows))
    }
}

/// What is kept for how long beyond what a setting says.
fn kept() -> AnyView {
    let body = view! {
        <dl class="kv pad">
            <dt>"Events"</dt><dd>"all of them with what they changed; their raw payloads as PAYLOAD_RETENTION says"</dd>
            <dt>"Refused deliveries"</dt><dd>"the newest 1,000 without their bodies, as long as REJECTED_RETENTION says"</dd>
            <dt>"Access checks"</dt><dd>"90 days, at most 100 groups of each user"</dd>
            <dt>"History and audit log"</dt><dd>"all of it"</dd>
        </dl>
    };
    card("What is kept", (), body)
}
