//! The choices of each member of staff, and the filters they keep.

use domain::preference::{Density, Theme, Times};
use store::Options;
use store::records::{MOST_FILTERS, Preference, SavedFilter};

use super::helpers::{Database, Engine, on_both};

on_both! {
    choices_are_each_persons_own, a_filter_is_kept_by_its_name_until_it_is_forgotten, one_list_has_so_many_filters,
}

async fn choices_are_each_persons_own(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    assert_eq!(db.store.preference("stf_1").await.unwrap(), Preference::default());
    let mut chosen = Preference {
        theme: Theme::Dark,
        density: Density::Compact,
        time_zone: "Europe/Berlin".into(),
        times: Times::Date,
        shortcuts: false,
    };
    db.store.put_preference("stf_1", &chosen).await.unwrap();
    assert_eq!(db.store.preference("stf_1").await.unwrap(), chosen);
    assert_eq!(db.store.preference("stf_2").await.unwrap(), Preference::default());
    chosen.theme = Theme::Light;
    db.store.put_preference("stf_1", &chosen).await.unwrap();
    assert_eq!(db.store.preference("stf_1").await.unwrap(), chosen);
}

fn filter(id: &str, path: &str, name: &str, query: &str) -> SavedFilter {
    SavedFilter { saved_filter_id: id.into(), path: path.into(), name: name.into(), query: query.into() }
}

async fn a_filter_is_kept_by_its_name_until_it_is_forgotten(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    let store = &db.store;
    let invoices = filter("flt_1", "/admin/events", "invoices", "type=invoice.*");
    assert!(store.save_filter("stf_1", &invoices).await.unwrap());
    assert!(store.save_filter("stf_1", &filter("flt_2", "/admin/customers", "denied", "filter=denied")).await.unwrap());
    assert_eq!(store.saved_filters("stf_1", "/admin/events").await.unwrap(), [invoices]);
    assert_eq!(store.saved_filters("stf_2", "/admin/events").await.unwrap(), []);

    let failed = filter("flt_3", "/admin/events", "invoices", "type=invoice.*&status=failed");
    assert!(store.save_filter("stf_1", &failed).await.unwrap());
    let kept = store.saved_filters("stf_1", "/admin/events").await.unwrap();
    assert_eq!((kept.len(), kept[0].query.as_str()), (1, "type=invoice.*&status=failed"));

    let id = &kept[0].saved_filter_id;
    assert!(!store.forget_filter("stf_2", id).await.unwrap(), "it is somebody else's");
    assert!(store.forget_filter("stf_1", id).await.unwrap());
    assert!(!store.forget_filter("stf_1", id).await.unwrap());
    assert_eq!(store.saved_filters("stf_1", "/admin/events").await.unwrap(), []);
}

async fn one_list_has_so_many_filters(engine: Engine) {
    let Some(db) = Database::open(engine, Options::default()).await else { return };
    for number in 0..MOST_FILTERS {
        let one = filter(&format!("flt_{number}"), "/admin/events", &format!("name {number}"), "q=1");
        assert!(db.store.save_filter("stf_1", &one).await.unwrap());
    }
    let more = filter("flt_more", "/admin/events", "one more", "q=2");
    assert!(!db.store.save_filter("stf_1", &more).await.unwrap());
    assert!(db.store.save_filter("stf_2", &more).await.unwrap(), "somebody else has room");
    let again = filter("flt_more_2", "/admin/events", "name 3", "q=2");
    assert!(db.store.save_filter("stf_1", &again).await.unwrap(), "a name that is there gives way");
}
