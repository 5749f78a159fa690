//! The pages of API keys.

use std::collections::HashMap;

use app::pages::{Page, keys as shown};
use store::records::ApiKeyRecord;

use super::{Ask, Loaded};
use crate::auth::api_key::{CHECK_RATE, REQUEST_RATE};

const USUAL: shown::Rates = shown::Rates { checks: CHECK_RATE.per_second, requests: REQUEST_RATE.per_second };

/// `/admin/api-keys`
pub(super) async fn all(ask: &Ask<'_>) -> Loaded {
    let (known, records) = records(ask).await?;
    let keys = records.into_iter().map(|key| key_of(key, &known)).collect();
    Ok(Some(Page::Keys(shown::View { keys, usual: USUAL })))
}

/// `/admin/api-keys/{id}`
pub(super) async fn one(ask: &Ask<'_>, id: &str) -> Loaded {
    let Some(key) = find(ask, id).await? else { return Ok(None) };
    let public_url = ask.state.config.public_url.trim_end_matches('/').to_owned();
    Ok(Some(Page::Key(Box::new(shown::One { key, usual: USUAL, public_url }))))
}

/// `/admin/api-keys/{id}/rotate`
pub(super) async fn rotate(ask: &Ask<'_>, id: &str) -> Loaded {
    let key = find(ask, id).await?.filter(|key| key.is_active(ask.now) && key.replaced_by.is_none());
    Ok(key.map(|key| Page::RotateKey(Box::new(shown::Rotate { key }))))
}

/// A key as others refer to it.
pub(crate) fn other(key: &ApiKeyRecord) -> shown::Other {
    shown::Other { id: key.api_key_id.clone(), shown: format!("{}…{}", key.prefix, key.last4) }
}

type Known = HashMap<String, shown::Other>;

async fn records(ask: &Ask<'_>) -> store::Result<(Known, Vec<ApiKeyRecord>)> {
    let records = ask.state.store.api_keys().await?;
    Ok((records.iter().map(|key| (key.api_key_id.clone(), other(key))).collect(), records))
}

async fn find(ask: &Ask<'_>, id: &str) -> store::Result<Option<shown::Key>> {
    let (known, records) = records(ask).await?;
    Ok(records.into_iter().find(|key| key.api_key_id == id).map(|key| key_of(key, &known)))
}

fn key_of(key: ApiKeyRecord, known: &Known) -> shown::Key {
    let named = |id: &Option<String>| id.as_ref().and_then(|id| known.get(id)).cloned();
    shown::Key {
        shown: format!("{}…{}", key.prefix, key.last4),
        replaces: named(&key.replaces),
        replaced_by: named(&key.replaced_by),
        id: key.api_key_id,
        name: key.name,
        livemode: key.livemode,
        scope: key.scope,
        created_at: key.created_at,
        created_by: key.created_by,
        last_used_at: key.last_used_at,
        last_used_from: key.last_used_from,
        expires_at: key.terms.expires_at,
        revoked_at: key.revoked_at,
        addresses: key.terms.addresses,
        check_rate: key.terms.check_rate,
        request_rate: key.terms.request_rate,
    }
}
