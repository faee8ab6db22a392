//! Long lists in answers, bounded by bytes: who pays decides how long the rows of a payment are.

use serde_json::{Map, Value, value::RawValue};

/// Rows as text: that takes a tenth of what they take as values.
pub struct Rows {
    list: Vec<Box<RawValue>>,
    bytes: usize,
    most: usize,
}

impl Rows {
    /// None yet; with about so many bytes they are full. What a row has beyond that still goes in.
    pub fn up_to(bytes: usize) -> Self {
        Self { list: Vec::new(), bytes: 0, most: bytes }
    }

    /// Adds one at the end, full or not.
    pub fn push(&mut self, fields: Map<String, Value>) {
        let text = Value::Object(fields).to_string();
        self.bytes += text.len();
        self.list.extend(RawValue::from_string(text));
    }

    /// Whether no more should be added.
    pub fn is_full(&self) -> bool {
        self.bytes >= self.most
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Keeps the first of them.
    pub fn truncate(&mut self, count: usize) {
        self.list.truncate(count);
    }

    /// Reverses those from a place on.
    pub fn reverse_from(&mut self, start: usize) {
        self.list[start..].reverse();
    }

    /// Adds others, the last one first.
    pub fn append_reversed(&mut self, others: Self) {
        self.bytes += others.bytes;
        self.list.extend(others.list.into_iter().rev());
    }

    /// The rows, each as JSON.
    pub fn into_list(self) -> Vec<Box<RawValue>> {
        self.list
    }
}
