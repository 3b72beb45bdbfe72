//! Rows: what was asked, what came out, and where.

use serde::{Deserialize, Serialize};

/// A number, a word or nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Nothing: not applicable, not found or infinite.
    Missing,
    /// Yes or no.
    Flag(bool),
    /// A count or a size.
    Integer(i64),
    /// A measured or set number; never NaN or infinite.
    Real(f64),
    /// A name or a sentence.
    Text(String),
}

impl Value {
    /// The value as a number; yes and no are 1 and 0.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Flag(flag) => Some(f64::from(u8::from(*flag))),
            // Counts are far below 2^53.
            Value::Integer(count) => Some(*count as f64),
            Value::Real(real) => Some(*real),
            Value::Missing | Value::Text(_) => None,
        }
    }

    /// The text; empty for other values.
    pub fn text(&self) -> &str {
        match self {
            Value::Text(text) => text,
            _ => "",
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Missing => Ok(()),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Integer(count) => write!(f, "{count}"),
            // As JSON has it, so that both files hold the same digits.
            Value::Real(real) => write!(f, "{}", serde_json::json!(real)),
            Value::Text(text) => f.write_str(text),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Value {
        i64::try_from(count).map_or(Value::Missing, Value::Integer)
    }
}

impl From<f64> for Value {
    /// NaN and infinities become `Missing`: JSON has no name for them.
    fn from(real: f64) -> Value {
        if real.is_finite() { Value::Real(real) } else { Value::Missing }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Missing, Into::into)
    }
}

/// Named values in a fixed order.
///
/// ```
/// use orthant_experiments::record::Record;
///
/// let point = Record::new().with("method", "pursuit").with("n", 400_usize);
/// assert_eq!(point.number("n"), Some(400.0));
/// assert_eq!(point.text("method"), "pursuit");
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record(Vec<(String, Value)>);

impl Record {
    /// No values.
    pub fn new() -> Record {
        Record::default()
    }

    /// The same with one more value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Record {
        self.0.push((name.to_string(), value.into()));
        self
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// The number of this name; nothing when it is missing or a text.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::number)
    }

    /// The text of this name; empty when it is missing or no text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).map_or("", Value::text)
    }

    /// The count of this name.
    ///
    /// # Panics
    ///
    /// When there is no such count: an experiment reads back what it wrote.
    pub fn count(&self, name: &str) -> usize {
        match self.get(name) {
            Some(Value::Integer(count)) => usize::try_from(*count).ok(),
            _ => None,
        }
        .unwrap_or_else(|| panic!("the row has no count {name:?}"))
    }
}

impl Serialize for Record {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Record, D::Error> {
        struct Fields;
        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = Record;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of numbers and texts")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                let mut record = Record::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    record.0.push((name, value));
                }
                Ok(record)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Where a row comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The command that regenerates the row's experiment.
    pub command: String,
    /// The commit, with `-dirty` when files differed from it.
    pub revision: String,
    /// Processor, cores and system.
    pub machine: String,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The name of the experiment.
    pub experiment: String,
    /// The seed of the row: of its instance, and of what the method draws.
    pub seed: u64,
    /// What was asked: sizes, method, settings.
    pub point: Record,
    /// What came out: the same bits whenever it is repeated on one machine.
    pub values: Record,
    /// What the clock and the memory said: never the same twice.
    pub measured: Record,
    /// Where it comes from.
    #[serde(flatten)]
    pub provenance: Provenance,
}

impl Row {
    /// A value by name, wherever it stands: in `point`, `values` or `measured`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.point.get(name).or_else(|| self.values.get(name)).or_else(|| self.measured.get(name))
    }

    /// The same as a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::number)
    }

    /// The same as a text; empty when it is missing or no text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).map_or("", Value::text)
    }
}
