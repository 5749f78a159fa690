//! Passkeys (<https://www.w3.org/TR/webauthn-3/>): what a browser is asked to sign, and whether it did. The library does the rest: encodings,
//! signatures, and the order of checks.
//!
//! Every passkey is one that its authenticator finds by itself and unlocks for its person alone, so that it is two factors on its own. What is
//! asked is kept here and never taken from the browser; it counts once, for five minutes, and for the browser that was asked.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Challenge, Passkey};
use url::{Host, Url};
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, USER_HANDLE_MAX_LEN, UserHandle64,
};
use webauthn_rp::request::{AsciiDomain, ExtensionInfo, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::register::{DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication64, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration, RegistrationServerState,
};

use super::setup::sha256_hex;
use super::staff::Actor;
use crate::ids;
use crate::state::AppState;

/// How long a browser may take to sign, in milliseconds; the library says the same to it.
pub const TIME: i64 = 5 * 60 * 1000;
/// Most passkeys of one person.
pub const MOST: usize = 20;
/// Purposes of challenges.
const NEW: &str = "new";
const USE: &str = "use";

/// The site that passkeys are bound to.
#[derive(Debug)]
pub struct Site {
    rp_id: RpId,
    origin: String,
}

/// Of `PUBLIC_URL`; none where browsers offer no passkeys: by plain http to another machine, and for bare addresses.
#[must_use]
pub fn site(public_url: &str) -> Option<Site> {
    let url = Url::parse(public_url).ok()?;
    let Some(Host::Domain(domain)) = url.host() else { return None };
    let is_local = domain == "localhost" || domain.ends_with(".localhost");
    if url.scheme() != "https" && !is_local {
        return None;
    }
    let rp_id = RpId::Domain(AsciiDomain::try_from(domain.to_owned()).ok()?);
    Some(Site { rp_id, origin: url.origin().ascii_serialization() })
}

fn site_of(state: &AppState) -> anyhow::Result<Site> {
    site(&state.config.public_url).context("PUBLIC_URL is no site that passkeys can be bound to")
}

/// What an authenticator calls a member of staff: nothing that names them.
fn handle(staff_id: &str) -> anyhow::Result<UserHandle64> {
    let bytes: [u8; USER_HANDLE_MAX_LEN] = sha256_hex(&format!("passkey:{staff_id}"))
        .into_bytes()
        .try_into()
        .map_err(|_| anyhow::anyhow!("a hash has 64 digits"))?;
    let Ok(handle) = UserHandle64::decode(bytes);
    Ok(handle)
}

/// A passkey that is being made: all that is kept of it.
#[derive(Serialize, Deserialize)]
struct Wanted {
    server: String,
    options: Value,
    name: String,
}

/// Begins a passkey of this name, in this session.
///
/// # Errors
/// When the database fails, or the site can have no passkeys.
pub async fn begin(state: &AppState, session_hash: &str, actor: &Actor, name: &str) -> anyhow::Result<()> {
    let site = site_of(state)?;
    let known = state.store.passkeys_of(&actor.staff_id).await?;
    let known = known.iter().map(descriptor).collect::<anyhow::Result<Vec<_>>>()?;
    let id = handle(&actor.staff_id)?;
    // What is no name by the rules of Unicode for them, a passkey does without.
    let user = PublicKeyCredentialUserEntity {
        name: actor.email.as_str().try_into().or_else(|_| actor.staff_id.as_str().try_into())?,
        id: &id,
        display_name: actor.name.as_str().try_into().ok(),
    };
    let mut options = PublicKeyCredentialCreationOptions::passkey(&site.rp_id, user, known);
    // Wished for, not demanded: phones and password managers make passkeys without it, and each use asks for its person anyway.
    options.extensions.cred_protect = CredProtect::UserVerificationRequired(ExtensionInfo::AllowDontEnforceValue);
    let (server, client) = options.start_ceremony()?;
    let wanted = Wanted {
        server: hex::encode(server.encode()?),
        options: serde_json::to_value(&client)?,
        name: name.to_owned(),
    };
    let challenge = Challenge { browser_hash: session_hash, purpose: NEW };
    let now = state.now();
    state.store.put_challenge(challenge, &serde_json::to_string(&wanted)?, now.plus_millis(TIME), now).await?;
    Ok(())
}

fn descriptor(passkey: &Passkey) -> anyhow::Result<PublicKeyCredentialDescriptor<Vec<u8>>> {
    Ok(PublicKeyCredentialDescriptor {
        id: CredentialId::decode(hex::decode(&passkey.credential_id)?)?,
        transports: AuthTransports::decode(u8::try_from(passkey.transports)?)?,
    })
}

/// The name and the options of the passkey that is being made in this session, if one is.
///
/// # Errors
/// When the database fails.
pub async fn begun(state: &AppState, session_hash: &str) -> anyhow::Result<Option<(String, String)>> {
    let challenge = Challenge { browser_hash: session_hash, purpose: NEW };
    let Some(kept) = state.store.challenge(challenge, state.now()).await? else { return Ok(None) };
    let wanted: Wanted = serde_json::from_str(&kept)?;
    Ok(Some((wanted.name, wanted.options.to_string())))
}

/// What a browser made of it: the passkey, which is not kept yet. None when it is not what was asked for.
///
/// # Errors
/// When the database fails.
pub async fn made(state: &AppState, session_hash: &str, staff_id: &str, sent: &str) -> anyhow::Result<Option<Passkey>> {
    let site = site_of(state)?;
    let challenge = Challenge { browser_hash: session_hash, purpose: NEW };
    let Some(kept) = state.store.take_challenge(challenge, state.now()).await? else { return Ok(None) };
    let wanted: Wanted = serde_json::from_str(&kept)?;
    let asked = RegistrationServerState::<USER_HANDLE_MAX_LEN>::decode(&hex::decode(&wanted.server)?)?;
    let Ok(registration) = Registration::from_json_relaxed(sent.as_bytes()) else { return Ok(None) };
    let options = RegistrationVerificationOptions::<&str, &str> {
        allowed_origins: &[site.origin.as_str()],
        error_on_unsolicited_extensions: false,
        ..RegistrationVerificationOptions::default()
    };
    let credential = match asked.verify(&site.rp_id, &registration, &options) {
        Ok(credential) => credential,
        Err(error) => {
            tracing::warn!(%error, staff_id, "a passkey was refused");
            return Ok(None);
        }
    };
    Ok(Some(Passkey {
        passkey_id: ids::new("pky"),
        credential_id: hex::encode(credential.id().as_ref()),
        staff_id: staff_id.to_owned(),
        name: wanted.name,
        static_state: hex::encode(credential.static_state().encode()?),
        dynamic_state: hex::encode(credential.dynamic_state().encode()?),
        transports: credential.transports().encode()?.into(),
        created_at: state.now(),
        last_used_at: None,
    }))
}

/// What a browser is to sign with a passkey of whoever sits there, as JSON for it.
///
/// # Errors
/// When the database fails, or the site can have no passkeys.
pub async fn ask(state: &AppState, browser_hash: &str) -> anyhow::Result<String> {
    let site = site_of(state)?;
    let (server, client) = DiscoverableCredentialRequestOptions::passkey(&site.rp_id).start_ceremony()?;
    let challenge = Challenge { browser_hash, purpose: USE };
    let (kept, now) = (hex::encode(server.encode()?), state.now());
    state.store.put_challenge(challenge, &kept, now.plus_millis(TIME), now).await?;
    Ok(serde_json::to_string(&client)?)
}

/// The passkey with which this browser signed what it was asked to; it is used with that. None when it signed something else, with a passkey
/// that is unknown or not of `whose`, or did not make sure of its person.
///
/// # Errors
/// When the database fails.
pub async fn signed(
    state: &AppState,
    browser_hash: &str,
    whose: Option<&str>,
    sent: &str,
) -> anyhow::Result<Option<Passkey>> {
    let site = site_of(state)?;
    let now = state.now();
    let challenge = Challenge { browser_hash, purpose: USE };
    let Some(kept) = state.store.take_challenge(challenge, now).await? else { return Ok(None) };
    let asked = DiscoverableAuthenticationServerState::decode(&hex::decode(&kept)?)?;
    let Ok(answer) = DiscoverableAuthentication64::from_json_relaxed(sent.as_bytes()) else { return Ok(None) };
    let known = state.store.passkey_by_credential(&hex::encode(answer.raw_id().as_ref())).await?;
    let Some(passkey) = known.filter(|known| whose.is_none_or(|whose| known.staff_id == whose)) else {
        return Ok(None);
    };
    let Some(after) = check(&site, asked, &passkey, &answer)? else { return Ok(None) };
    Ok(if state.store.use_passkey(&passkey, &after, now).await? { Some(passkey) } else { None })
}

/// The state of a passkey after a signature, if that is right. A counter that did not grow is that of a copy, and refused.
fn check(
    site: &Site,
    asked: DiscoverableAuthenticationServerState,
    passkey: &Passkey,
    answer: &DiscoverableAuthentication64,
) -> anyhow::Result<Option<String>> {
    let (id, user) = (hex::decode(&passkey.credential_id)?, handle(&passkey.staff_id)?);
    let static_state = hex::decode(&passkey.static_state)?;
    let dynamic: [u8; 7] =
        hex::decode(&passkey.dynamic_state)?.try_into().map_err(|_| anyhow::anyhow!("a passkey's state is cut"))?;
    let mut credential = AuthenticatedCredential::new(
        CredentialId::decode(id.as_slice())?,
        &user,
        StaticState::decode(static_state.as_slice())?,
        DynamicState::decode(dynamic)?,
    )?;
    let options = AuthenticationVerificationOptions::<&str, &str> {
        allowed_origins: &[site.origin.as_str()],
        error_on_unsolicited_extensions: false,
        ..AuthenticationVerificationOptions::default()
    };
    if let Err(error) = asked.verify(&site.rp_id, answer, &mut credential, &options) {
        tracing::warn!(%error, staff_id = passkey.staff_id, "a passkey's signature was refused");
        return Ok(None);
    }
    Ok(Some(hex::encode(credential.dynamic_state().encode()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_name_that_is_reached_safely() {
        for (url, origin) in [
            ("https://toll.example.com", "https://toll.example.com"),
            ("https://toll.example.com:8443", "https://toll.example.com:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(site(url).unwrap().origin, origin);
        }
        for url in
            ["http://toll.example.com", "http://127.0.0.1:3000", "https://192.0.2.1", "https://[::1]", "nonsense"]
        {
            assert!(site(url).is_none(), "{url}");
        }
    }
}
