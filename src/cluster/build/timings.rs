//! `timings`.

use super::value;
use crate::cluster::Timings;
use crate::inventory::patroni::{Base, TimingsMap};

pub(super) fn timings(section: Option<&TimingsMap>) -> Timings {
    let Some(section) = section else {
        return Timings::NORMAL;
    };
    let base = match value(&section.base, Base::Normal) {
        Base::Fast => Timings::FAST,
        Base::Normal => Timings::NORMAL,
        Base::Safe => Timings::SAFE,
        Base::Wide => Timings::WIDE,
    };
    Timings {
        ttl: value(&section.ttl, base.ttl),
        loop_wait: value(&section.loop_wait, base.loop_wait),
        retry_timeout: value(&section.retry_timeout, base.retry_timeout),
        inter: value(&section.inter, base.inter),
        fastinter: value(&section.fastinter, base.fastinter),
        downinter: value(&section.downinter, base.downinter),
        fall: value(&section.fall, base.fall),
        rise: value(&section.rise, base.rise),
    }
}
