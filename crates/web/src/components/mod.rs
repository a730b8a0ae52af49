//! The parts pages are made of, one function each. A page never writes a class name that a component owns.

mod button;
mod call;
mod card;
mod chart;
mod detail;
mod dialog;
mod form;
mod icon;
mod notice;
mod player;
mod shell;
mod table;
mod tag;

pub use button::{Look, copy_button, icon_link, submit};
pub use call::{
    Caption, LiveRow, LiveState, Moment, Speaker, Turn, direction_icon, direction_word, finder, history, live_list,
    timeline, timer, transcript,
};
pub(crate) use call::{caller, speaking};
pub use card::{Stat, card, live_region, meter, stat_row};
pub use chart::{HourBar, calls_by_hour};
pub use detail::{avatar, code, code_lines, key_values, moment, moment_ago};
pub use dialog::{confirm, dialog, opener};
pub use form::{Choice, Field, checkbox, filter_bar, post_form, select, setting_form};
pub use icon::{Icon, icon, logo};
pub use notice::{banner, empty, error_summary};
pub use player::Player;
pub use shell::{Nav, document, head, shell, solo, tabs};
pub(crate) use shell::{heading, live_count};
pub use table::{Column, pager, row_link, table};
pub use tag::{Tone, tag};
