//! What the keys of a configuration file take, in words for those who write it.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::values::{LEAST_MEMORY, LEAST_SNAPSHOT_INTERVAL, MOST_MEMORY, MOST_SNAPSHOT_INTERVAL};

/// The largest number that TOML has.
const MOST: u64 = i64::MAX as u64;

/// What a key takes. Texts and numbers that have a form of their own are read by their types.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Text,
    /// A number is taken, too.
    TextOrNumber,
    Texts,
    /// One text is taken, too.
    TextOrTexts,
    Switch,
    Whole(RangeInclusive<u64>),
}

fn form(key: &str) -> Form {
    match key {
        "listen" => Form::TextOrTexts,
        "connect" | "bootnode" | "http_name" | "notify_for" => Form::Texts,
        "is_bootnode" | "force_clock" | "no_http" | "no_index" | "history" | "serve_snapshots" | "quiet" => {
            Form::Switch
        }
        "mine_rate" => Form::Whole(0..=MOST),
        "max_inbound" | "max_per_address" | "max_outbound" | "join_depth" => Form::Whole(0..=u64::from(u32::MAX)),
        "max_memory" => Form::Whole(LEAST_MEMORY as u64..=MOST_MEMORY as u64),
        "snapshot_interval" => Form::Whole(u64::from(LEAST_SNAPSHOT_INTERVAL)..=u64::from(MOST_SNAPSHOT_INTERVAL)),
        "keep" | "max_upload" | "flush" | "join" | "join_at" => Form::TextOrNumber,
        _ => Form::Text,
    }
}

/// What is wrong with the value of a key, as far as its form goes.
pub(super) fn problem(key: &str, value: &DeValue<'_>) -> Option<String> {
    let is_text = |value: &DeValue<'_>| matches!(value, DeValue::String(_));
    let are_texts = |value: &DeValue<'_>| match value {
        DeValue::Array(items) => items.iter().all(|item| is_text(item.get_ref())),
        _ => false,
    };
    let is_number = |value: &DeValue<'_>| matches!(value, DeValue::Integer(_) | DeValue::Float(_));
    let (is_right, wanted) = match form(key) {
        Form::Text => (is_text(value), "a text in quotes".to_owned()),
        Form::TextOrNumber => (is_text(value) || is_number(value), "a number, or a text in quotes".to_owned()),
        Form::Texts => (are_texts(value), "a list of texts in quotes: [\"…\", \"…\"]".to_owned()),
        Form::TextOrTexts => {
            (is_text(value) || are_texts(value), "a text in quotes, or a list of them: [\"…\", \"…\"]".to_owned())
        }
        Form::Switch => (matches!(value, DeValue::Boolean(_)), "true or false".to_owned()),
        Form::Whole(range) => {
            let is_within = |value: &DeValue<'_>| match value {
                DeValue::Integer(number) => {
                    u64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| range.contains(&number))
                }
                _ => false,
            };
            (is_within(value), format!("a whole number from {} to {}", range.start(), range.end()))
        }
    };
    (!is_right).then(|| format!("{key}: {wanted} is needed, not {}", shown(value)))
}

/// The value, or what it is.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(time) => format!("the time {time}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
