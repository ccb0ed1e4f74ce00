//! The look that all charts share: one colour and one mark per transport, and a texture per kind.

use plotters::style::RGBColor;

use crate::protocol::Transport;

/// Text and axes. The page replaces these four when the reader prefers a dark one; they are written out in `page.css`.
pub(super) const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Small print and units.
pub(super) const QUIET: RGBColor = RGBColor(0x59, 0x63, 0x6E);
/// Lines to read a value by.
pub(super) const RULE: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);
/// What everything stands on.
pub(super) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

/// The colour of a transport, in every chart: from the palette of Okabe and Ito, which stays apart for colour-blind readers.
pub(super) fn colour(transport: Transport) -> RGBColor {
    match transport {
        Transport::Poll => RGBColor(0xD5, 0x5E, 0x00),
        Transport::LongPoll => RGBColor(0x00, 0x72, 0xB2),
        Transport::Events => RGBColor(0xCC, 0x79, 0xA7),
        Transport::Websocket => RGBColor(0x00, 0x9E, 0x73),
    }
}

/// The shape of a transport's points: colour is never the only thing that tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Circle,
    Square,
    Triangle,
    Diamond,
}

/// The mark of a transport, in every chart.
pub(super) fn mark(transport: Transport) -> Mark {
    match transport {
        Transport::Poll => Mark::Circle,
        Transport::LongPoll => Mark::Square,
        Transport::Events => Mark::Triangle,
        Transport::Websocket => Mark::Diamond,
    }
}

/// How an area is filled: the same kind of thing has the same texture, whatever the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texture {
    /// What one came for.
    Full,
    /// What came in vain, or only wraps it.
    Pale,
    /// What happens once, or seldom.
    Hatched,
    /// What went wrong.
    Crossed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_transports_look_alike() {
        for (at, one) in Transport::ALL.into_iter().enumerate() {
            for other in &Transport::ALL[..at] {
                assert_ne!(colour(one), colour(*other));
                assert_ne!(mark(one), mark(*other));
            }
        }
    }

    #[test]
    fn the_page_knows_the_colours_that_it_replaces_in_the_dark() {
        let css = include_str!("../page.css");
        for RGBColor(r, g, b) in [INK, QUIET, RULE, PAPER] {
            let colour = format!("\"#{r:02X}{g:02X}{b:02X}\"");
            assert!(css.contains(&colour), "{colour}");
        }
    }
}
