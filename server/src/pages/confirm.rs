//! The pages that ask before access is taken away. Each stands at the address its form is posted to.

use app::pages::Page;
use app::pages::confirm::View;
use domain::access::OverrideEffect;
use domain::event::EventStatus;
use domain::role::Role;
use store::records::EventRecord;

use super::{Ask, Loaded, impact};
use crate::admin::customers::{encoded, path};
use crate::auth::staff::safe_return_to;

/// Where the page came from, else `default`.
pub(super) fn back(ask: &Ask<'_>, default: &str) -> String {
    ask.param("return_to").map_or(default, |target| safe_return_to(Some(target))).to_owned()
}

/// `/admin/overrides/{id}/revoke`
pub(super) async fn revoke(ask: &Ask<'_>, id: &str) -> Loaded {
    let Some(found) = ask.state.store.find_override(ask.livemode, id).await? else { return Ok(None) };
    let (user, feature) = (&found.user_id, &found.feature);
    let what = match found.effect {
        OverrideEffect::Grant => "grant",
        OverrideEffect::Deny => "deny",
    };
    let sentence = match found.revoked_at {
        Some(_) => "It was revoked already.".to_owned(),
        None => format!("{} made it: “{}”.", found.created_by, found.reason),
    };
    Ok(Some(Page::Confirm(Box::new(View {
        question: format!("Revoke the {what} of {feature} for {user}?"),
        above: ("Overrides", "/admin/overrides".into()),
        sentence,
        effects: impact::of_revoking(ask, std::slice::from_ref(&found)),
        action: format!("/admin/overrides/{}/revoke", encoded(id)),
        fields: Vec::new(),
        button: "Revoke override".into(),
        role: Role::Support,
        reason_required: true,
        back: back(ask, &path(user)),
    }))))
}

/// `/admin/events/{id}/ignore`
pub(super) async fn ignore(ask: &Ask<'_>, id: &str) -> Loaded {
    let event = ask.state.store.event(ask.livemode, id).await?;
    let failed = |event: &EventRecord| matches!(event.status, EventStatus::Failed | EventStatus::Dead);
    let Some(event) = event.filter(failed) else { return Ok(None) };
    let page = format!("/admin/events/{}", encoded(id));
    Ok(Some(Page::Confirm(Box::new(View {
        question: format!("Ignore {id}?"),
        above: ("Events", "/admin/events".into()),
        sentence: format!(
            "What this {} says is not taken in and not tried again. It stays in the log, and can be processed again from its page.",
            event.kind
        ),
        effects: Vec::new(),
        action: format!("{page}/ignore"),
        fields: Vec::new(),
        button: format!("Ignore {id}"),
        role: Role::Support,
        reason_required: true,
        back: back(ask, &page),
    }))))
}

/// `/admin/api-keys/{id}/revoke`
pub(super) async fn revoke_key(ask: &Ask<'_>, id: &str) -> Loaded {
    let key = ask.state.store.api_key(id).await?;
    let Some(key) = key.filter(|key| key.revoked_at.is_none()) else { return Ok(None) };
    Ok(Some(Page::Confirm(Box::new(View {
        question: format!("Revoke the key {}?", key.name),
        above: ("API keys", "/admin/api-keys".into()),
        sentence: format!("Whatever uses {}…{} is refused from now on. This cannot be undone.", key.prefix, key.last4),
        effects: Vec::new(),
        action: format!("/admin/api-keys/{}/revoke", encoded(id)),
        fields: Vec::new(),
        button: format!("Revoke {}", key.name),
        role: Role::Admin,
        reason_required: false,
        back: "/admin/api-keys".into(),
    }))))
}
