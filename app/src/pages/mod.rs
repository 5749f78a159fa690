//! The pages: each file has what its page shows (`View`) and how (`body`).

pub mod account;
pub mod audit;
pub mod backups;
pub mod catalog;
pub mod catalog_filter;
pub mod compare;
pub mod confirm;
pub mod customer;
pub mod customers;
pub mod ending;
pub mod erase;
pub mod event;
pub mod events;
pub mod feature;
pub mod job;
pub mod keys;
pub mod mappings;
pub mod message;
pub mod missed;
pub mod once;
pub mod override_form;
pub mod overrides;
pub mod overview;
pub mod policy;
pub mod problem;
pub mod replays;
pub mod resyncs;
pub mod search;
pub mod second_factor;
pub mod security;
pub mod settings;
pub mod sign_in;
pub mod simulator;
pub mod staff;
pub mod step_up;
pub mod subscription;
pub mod subscriptions;
pub mod system;
pub mod unattributed;
pub mod validator;

use leptos::prelude::*;

use crate::context::Context;

/// A page with all that it shows.
#[derive(Clone, Debug)]
pub enum Page {
    /// `/admin/login`
    SignIn(sign_in::SignIn),
    /// `/admin/login/code`
    Code(sign_in::Code),
    /// `/admin/setup`
    SetUp(sign_in::SetUp),
    /// `/admin/invite`
    Enter(sign_in::Enter),
    /// `/admin`
    Overview(overview::View),
    /// `/admin/ending`
    Ending(ending::View),
    /// `/admin/customers`
    Customers(customers::View),
    /// `/admin/customers/{id}`
    Customer(Box<customer::View>),
    /// `/admin/customers/{id}/erase`
    Erase(Box<erase::View>),
    /// `/admin/customers/{id}/compare`
    Compare(compare::View),
    /// `/admin/resyncs`
    Resyncs(resyncs::View),
    /// `/admin/resyncs/{id}`
    Resync(Box<resyncs::One>),
    /// `/admin/replays`
    Replays(replays::View),
    /// `/admin/replays/new`
    NewReplay(Box<replays::New>),
    /// `/admin/replays/{id}`
    Replay(Box<replays::One>),
    /// `/admin/customers/{id}/overrides/new`
    NewOverride(override_form::New),
    /// `/admin/overrides/change`
    Extend(override_form::Extend),
    /// `/admin/overrides`
    Overrides(overrides::View),
    /// `/admin/subscriptions`
    Subscriptions(subscriptions::View),
    /// `/admin/subscriptions/{id}`
    Subscription(Box<subscription::View>),
    /// `/admin/mappings`
    Mappings(mappings::View),
    /// `/admin/mappings/{cus}`
    Mapping(mappings::One),
    /// `/admin/catalog`
    Catalog(catalog::View),
    /// `/admin/catalog/prices/{id}`, `/admin/catalog/products/{id}`
    Target(catalog::Target),
    /// `/admin/features`
    Features(catalog::Features),
    /// `/admin/features/{key}`
    Feature(feature::View),
    /// `/admin/features/{key}/policy`, `/admin/catalog/prices/{id}/policy`
    Policy(policy::View),
    /// What is shown before a change of the catalog that touches several users is saved
    Preview(Box<catalog::Preview>),
    /// `/admin/events`
    Events(events::View),
    /// `/admin/events?status=rejected`
    Rejected(events::Rejected),
    /// `/admin/events/{id}`
    Event(Box<event::View>),
    /// `/admin/unattributed`
    Unattributed(unattributed::View),
    /// `/admin/unattributed/{cus}`
    Link(unattributed::Link),
    /// `/admin/api-keys`
    Keys(keys::View),
    /// `/admin/api-keys/{id}`
    Key(Box<keys::One>),
    /// `/admin/api-keys/{id}/rotate`
    RotateKey(Box<keys::Rotate>),
    /// `/admin/api-keys`, as the answer to its forms
    KeyCreated(keys::Created),
    /// `/admin/staff`
    Staff(staff::View),
    /// `/admin/staff`, as the answer to its forms
    StaffLink(staff::Link),
    /// `/admin/validator`
    Validator(validator::View),
    /// `/admin/validator/endpoint`, as the answer to its form
    EndpointCreated(validator::Created),
    /// `/admin/account`
    Account(account::Account),
    /// `/admin/account/security`
    Security(security::View),
    /// `/admin/account/passkeys/new`
    NewPasskey(security::NewPasskey),
    /// `/admin/account/2fa`
    SetUpSecond(second_factor::SetUp),
    /// `/admin/account/2fa/…`, as the answer to its forms
    RecoveryCodes(second_factor::Codes),
    /// `/admin/account/preferences`
    Preferences(account::Preferences),
    /// `/admin/account/shortcuts`
    Shortcuts(account::Shortcuts),
    /// `/admin/search`
    Search(search::View),
    /// `/admin/simulator`
    Simulator(Box<simulator::View>),
    /// `/admin/audit`
    Audit(audit::View),
    /// `/admin/audit/{id}`
    AuditEntry(Box<audit::Entry>),
    /// `/admin/settings`
    Settings(settings::View),
    /// `/admin/system`
    System(system::View),
    /// What is asked before a form that gives others a way in
    StepUp(Box<step_up::View>),
    /// What is asked before access is taken away
    Confirm(Box<confirm::View>),
    /// What is asked before it is decided between users
    Review(Box<confirm::Review>),
    /// Not found, not allowed
    Message(message::View),
    /// What went wrong with a request
    Problem(Box<problem::View>),
}

macro_rules! each {
    ($page:expr, $view:ident => $call:expr) => {
        match $page {
            Page::SignIn($view) => $call,
            Page::Code($view) => $call,
            Page::SetUp($view) => $call,
            Page::Enter($view) => $call,
            Page::Overview($view) => $call,
            Page::Ending($view) => $call,
            Page::Customers($view) => $call,
            Page::Customer($view) => $call,
            Page::Erase($view) => $call,
            Page::Compare($view) => $call,
            Page::Resyncs($view) => $call,
            Page::Resync($view) => $call,
            Page::Replays($view) => $call,
            Page::NewReplay($view) => $call,
            Page::Replay($view) => $call,
            Page::NewOverride($view) => $call,
            Page::Extend($view) => $call,
            Page::Overrides($view) => $call,
            Page::Subscriptions($view) => $call,
            Page::Subscription($view) => $call,
            Page::Mappings($view) => $call,
            Page::Mapping($view) => $call,
            Page::Catalog($view) => $call,
            Page::Target($view) => $call,
            Page::Features($view) => $call,
            Page::Feature($view) => $call,
            Page::Policy($view) => $call,
            Page::Preview($view) => $call,
            Page::Events($view) => $call,
            Page::Rejected($view) => $call,
            Page::Event($view) => $call,
            Page::Unattributed($view) => $call,
            Page::Link($view) => $call,
            Page::Keys($view) => $call,
            Page::Key($view) => $call,
            Page::RotateKey($view) => $call,
            Page::KeyCreated($view) => $call,
            Page::Staff($view) => $call,
            Page::StaffLink($view) => $call,
            Page::Validator($view) => $call,
            Page::EndpointCreated($view) => $call,
            Page::Account($view) => $call,
            Page::Security($view) => $call,
            Page::NewPasskey($view) => $call,
            Page::SetUpSecond($view) => $call,
            Page::RecoveryCodes($view) => $call,
            Page::Preferences($view) => $call,
            Page::Shortcuts($view) => $call,
            Page::Search($view) => $call,
            Page::Simulator($view) => $call,
            Page::Audit($view) => $call,
            Page::AuditEntry($view) => $call,
            Page::Settings($view) => $call,
            Page::System($view) => $call,
            Page::StepUp($view) => $call,
            Page::Confirm($view) => $call,
            Page::Review($view) => $call,
            Page::Message($view) => $call,
            Page::Problem($view) => $call,
        }
    };
}

impl Page {
    /// The document's title.
    #[must_use]
    pub fn title(&self) -> String {
        each!(self, view => view.title())
    }

    /// What stands between the frame.
    pub fn body(&self, context: &Context) -> AnyView {
        each!(self, view => view.body(context))
    }

    /// The navigation entry that is current.
    #[must_use]
    pub fn section(&self) -> &'static str {
        match self {
            Self::Overview(_) | Self::Ending(_) => "/admin",
            Self::Customers(_) | Self::Customer(_) | Self::Erase(_) | Self::Compare(_) | Self::NewOverride(_) => {
                "/admin/customers"
            }
            Self::Resyncs(_) | Self::Resync(_) => "/admin/resyncs",
            Self::Replays(_) | Self::NewReplay(_) | Self::Replay(_) => "/admin/replays",
            Self::Overrides(_) | Self::Extend(_) => "/admin/overrides",
            Self::Subscriptions(_) | Self::Subscription(_) => "/admin/subscriptions",
            Self::Mappings(_) | Self::Mapping(_) => "/admin/mappings",
            Self::Catalog(_) | Self::Target(_) => "/admin/catalog",
            Self::Features(_) | Self::Feature(_) => "/admin/features",
            Self::Policy(view) if view.above.0 == "Features" => "/admin/features",
            Self::Policy(_) => "/admin/catalog",
            Self::Preview(view) if view.above.0 == "Features" => "/admin/features",
            Self::Preview(_) => "/admin/catalog",
            Self::Events(_) | Self::Rejected(_) | Self::Event(_) => "/admin/events",
            Self::Unattributed(_) | Self::Link(_) => "/admin/unattributed",
            Self::Keys(_) | Self::Key(_) | Self::RotateKey(_) | Self::KeyCreated(_) => "/admin/api-keys",
            Self::Staff(_) | Self::StaffLink(_) => "/admin/staff",
            Self::Validator(_) | Self::EndpointCreated(_) => "/admin/validator",
            Self::Account(_)
            | Self::Security(_)
            | Self::NewPasskey(_)
            | Self::SetUpSecond(_)
            | Self::RecoveryCodes(_)
            | Self::Preferences(_)
            | Self::Shortcuts(_) => "/admin/account",
            Self::Simulator(_) => "/admin/simulator",
            Self::Audit(_) | Self::AuditEntry(_) => "/admin/audit",
            Self::Settings(_) => "/admin/settings",
            Self::System(_) => "/admin/system",
            Self::SignIn(_)
            | Self::Code(_)
            | Self::SetUp(_)
            | Self::Enter(_)
            | Self::Search(_)
            | Self::StepUp(_)
            | Self::Confirm(_)
            | Self::Review(_)
            | Self::Message(_)
            | Self::Problem(_) => "",
        }
    }
}
