//! How a member of staff wants the pages, and the filters they keep. It concerns nobody else, so the audit log says nothing of it.

use app::context::narrowing;
use app::zone::Zone;
use domain::preference::{Density, Theme, Times};
use store::records::{MOST_FILTERS, Preference, SavedFilter};

use super::flash::Flash;
use super::post::{Outcome, Posted};
use crate::auth::staff::safe_return_to;

const PAGE: &str = "/admin/account/preferences";
/// Most characters of a filter's name.
const MOST_NAME: usize = 60;
/// Most characters of what it filters by.
const MOST_QUERY: usize = 1000;

/// Keeps how the person wants the pages.
pub async fn put_preferences(posted: Posted) -> Outcome {
    let fields = &posted.fields;
    let mut errors = Vec::new();
    let mut wrong = |field: &str, message: &str| errors.push((field.to_owned(), message.to_owned()));
    let theme = Theme::parse(fields.get("theme"));
    if theme.is_none() {
        wrong("theme", "Choose system, light or dark.");
    }
    let density = Density::parse(fields.get("density"));
    if density.is_none() {
        wrong("density", "Choose comfortable or compact.");
    }
    let times = Times::parse(fields.get("times"));
    if times.is_none() {
        wrong("times", "Choose how times are written.");
    }
    let zone = Zone::named(fields.get("time_zone"));
    if zone.is_none() {
        wrong("time_zone", "Choose a time zone by its name, such as Europe/Berlin.");
    }
    let (Some(theme), Some(density), Some(times), Some(zone)) = (theme, density, times, zone) else {
        return Outcome::Invalid { page: PAGE.to_owned(), errors };
    };
    let shortcuts = fields.opt("shortcuts").is_some();
    let preference = Preference { theme, density, time_zone: zone.name().to_owned(), times, shortcuts };
    match posted.state.store.put_preference(&posted.actor.staff_id, &preference).await {
        Ok(()) => Outcome::done(PAGE, "Your preferences are saved."),
        Err(error) => error.into(),
    }
}

/// Writes times the other way, from any page.
pub async fn put_times(posted: Posted) -> Outcome {
    let Some(times) = Times::parse(posted.fields.get("times")) else {
        return Outcome::invalid(PAGE, "times", "Choose how times are written.");
    };
    let (store, staff_id) = (&posted.state.store, &posted.actor.staff_id);
    let preference = match store.preference(staff_id).await {
        Ok(preference) => Preference { times, ..preference },
        Err(error) => return error.into(),
    };
    match store.put_preference(staff_id, &preference).await {
        Ok(()) => {
            let words = match times {
                Times::Distance => "Times within a day are shown by distance.",
                Times::Date => "Times are shown by date.",
            };
            Outcome::done(posted.back_to(PAGE), words)
        }
        Err(error) => error.into(),
    }
}

/// Keeps a list's filter under a name.
pub async fn save_filter(posted: Posted) -> Outcome {
    let fields = &posted.fields;
    let path = safe_return_to(fields.opt("path"));
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let query = narrowing(fields.get("query"));
    let here = format!("{path}?{query}");
    let name = fields.get("filter_name");
    if name.is_empty() || name.chars().count() > MOST_NAME {
        return Outcome::invalid(here, "filter_name", format!("Name it, in at most {MOST_NAME} characters."));
    }
    if query.is_empty() || query.len() > MOST_QUERY {
        return Outcome::invalid(here, "filter_name", "Set a filter first; it may have 1,000 characters.");
    }
    let filter = SavedFilter { saved_filter_id: crate::ids::new("flt"), path, name: name.to_owned(), query };
    match posted.state.store.save_filter(&posted.actor.staff_id, &filter).await {
        Ok(true) => Outcome::done(here, format!("The filter “{name}” is saved.")),
        Ok(false) => {
            let message = format!("You keep {MOST_FILTERS} filters of this list already. Forget one first.");
            Outcome::invalid(here, "filter_name", message)
        }
        Err(error) => error.into(),
    }
}

/// Forgets one of the person's filters.
pub async fn forget_filter(posted: Posted) -> Outcome {
    let back = posted.back_to("/admin/account");
    match posted.state.store.forget_filter(&posted.actor.staff_id, posted.param("id")).await {
        Ok(true) => Outcome::done(back, "The filter is forgotten."),
        Ok(false) => Outcome::Done { to: back, flash: Flash::bad("There is no such filter of yours any more.") },
        Err(error) => error.into(),
    }
}
