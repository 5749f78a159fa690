//! The `Stripe-Signature` header: `t=<unix seconds>,v1=<hex>[,v1=<hex>…][,v0=<hex>…]`. Source: docs.stripe.com/webhooks/signature.

/// Stripe sends one `v1` per active secret, two while a secret is rolled; more than these is nobody's rotation.
const MAX_SIGNATURES: usize = 16;
/// 16 signatures are about 1.1 KiB.
const MAX_LENGTH: usize = 4096;

/// What a well-formed header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed<'a> {
    /// `t` as it was written, for it is part of what was signed.
    pub(super) signed_at_text: &'a str,
    /// `t` as Unix seconds.
    pub(super) signed_at: i64,
    /// The `v1` signatures that can be an HMAC-SHA256 at all.
    pub(super) signatures: Vec<[u8; 32]>,
}

/// Reads the header; the error is a sentence about what is wrong with it.
pub(super) fn parse(header: &str) -> Result<Parsed<'_>, String> {
    if header.len() > MAX_LENGTH {
        return Err(format!("it is {} bytes long, more than {MAX_LENGTH}", header.len()));
    }
    let mut signed_at = None;
    let mut seen = 0_usize;
    let mut signatures = Vec::new();
    for element in header.split(',') {
        match element.trim().split_once('=') {
            Some(("t", text)) => {
                if signed_at.is_some() {
                    return Err("it has more than one time (t)".to_owned());
                }
                signed_at = Some((text, seconds(text).ok_or("its time (t) is no number of seconds")?));
            }
            Some(("v1", text)) => {
                seen += 1;
                if seen > MAX_SIGNATURES {
                    return Err(format!("it has more than {MAX_SIGNATURES} v1 signatures"));
                }
                let mut bytes = [0_u8; 32];
                if hex::decode_to_slice(text, &mut bytes).is_ok() {
                    signatures.push(bytes);
                }
            }
            // Stripe asks to ignore every other scheme; v0 is a deliberately fake one, to prevent downgrades.
            _ => {}
        }
    }
    let (signed_at_text, signed_at) = signed_at.ok_or("it has no time (t=…)")?;
    if signatures.is_empty() {
        let fault = if seen == 0 { "it has no v1 signature" } else { "its v1 signature is not 64 hexadecimal digits" };
        return Err(fault.to_owned());
    }
    Ok(Parsed { signed_at_text, signed_at, signatures })
}

/// Digits alone, since `parse` would accept a sign.
fn seconds(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
