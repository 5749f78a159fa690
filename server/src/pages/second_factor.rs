//! `/admin/account/2fa`: the seed of a second factor that waits for its first code.

use anyhow::Context as _;
use app::pages::Page;
use app::pages::once::Secret;
use app::pages::second_factor::{Picture, SetUp};
use qrcode::{Color, EcLevel, QrCode};

use super::{Answer, Ask};
use crate::auth::second;

/// What authenticators leave empty around a picture, in modules.
const QUIET: usize = 4;

/// The seed, to the session alone that began it; else the page where that is done.
pub(super) async fn set_up(ask: &Ask<'_>, this: &str) -> anyhow::Result<Answer> {
    let factor = ask.state.store.second_factor(&ask.actor.staff_id).await?;
    let Some(factor) = factor.filter(|factor| second::waits(factor, this, ask.now)) else {
        return Ok(Answer::Elsewhere("/admin/account/security".to_owned()));
    };
    let seed = ask.state.vault.open(&factor.seed, &ask.actor.staff_id)?;
    let url = &ask.state.config.public_url;
    let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
    let address = second::address(&seed, &ask.actor.email, host);
    let picture = picture(&address)?;
    let key = Secret(second::key_text(&seed));
    Ok(Answer::page(Page::SetUpSecond(SetUp { key, address: Secret(address), picture })))
}

/// A QR code: each row's dark stretches as one path.
fn picture(text: &str) -> anyhow::Result<Picture> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).context("while drawing a QR code")?;
    let (width, colors) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        for stretch in row.chunk_by(|a, b| a == b) {
            if stretch[0] == Color::Dark {
                path.push_str(&format!("M{} {}h{}v1h-{}z", x + QUIET, y + QUIET, stretch.len(), stretch.len()));
            }
            x += stretch.len();
        }
    }
    Ok(Picture { size: width + 2 * QUIET, path: Secret(path) })
}
