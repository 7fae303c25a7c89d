//! One server-sent event, as the HTML standard has them (section 9.2): written once for all streams that send it.

use bytes::Bytes;
use serde::Serialize;

use crate::replies::name::name_of_json;

/// A comment. It keeps a connection open through proxies that end silent ones, and readers pass over it.
pub const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// A written event. Clones share its bytes.
#[derive(Debug, Clone)]
pub struct Event {
    bytes: Bytes,
    /// The length of all lines before the id's.
    fields: usize,
    /// The length of the id.
    id: usize,
}

/// What the line of an id begins with.
const ID: &[u8] = b"id: ";
/// What ends the line of an id, and with it the event.
const END: &[u8] = b"\n\n";

impl Event {
    /// Writes an event. Its id names `content`: what the event says, without what passes with time alone. All processes
    /// give the same content the same id.
    ///
    /// # Errors
    /// Serializing fails.
    pub fn new(
        name: &str,
        data: &impl Serialize,
        content: &impl Serialize,
    ) -> serde_json::Result<Self> {
        let id = name_of_json(content)?;
        let mut bytes = format!("event: {name}\ndata: ").into_bytes();
        // JSON without line breaks: one line.
        serde_json::to_writer(&mut bytes, data)?;
        bytes.push(b'\n');
        let fields = bytes.len();
        end_with(&mut bytes, &id);
        Ok(Self {
            bytes: bytes.into(),
            fields,
            id: id.len(),
        })
    }

    /// The name of what it says: hexadecimal digits.
    pub fn id(&self) -> &str {
        let id = self.fields + ID.len();
        str::from_utf8(&self.bytes[id..id + self.id]).unwrap_or_default()
    }

    /// Its bytes.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Its bytes with another id.
    pub fn with_id(&self, id: &str) -> Bytes {
        let mut bytes = Vec::with_capacity(self.fields + ID.len() + id.len() + END.len());
        bytes.extend_from_slice(&self.bytes[..self.fields]);
        end_with(&mut bytes, id);
        bytes.into()
    }
}

fn end_with(bytes: &mut Vec<u8>, id: &str) {
    bytes.extend_from_slice(ID);
    bytes.extend_from_slice(id.as_bytes());
    bytes.extend_from_slice(END);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Event;

    #[test]
    fn an_event_is_one_line_of_data_and_its_id_names_the_content() {
        let event = Event::new("sale", &json!({ "a": "x\ny" }), &1).unwrap();
        let later = Event::new("sale", &json!({ "a": "later" }), &1).unwrap();
        let other = Event::new("sale", &json!({ "a": "x\ny" }), &2).unwrap();
        assert_eq!(event.id(), later.id());
        assert_ne!(event.id(), other.id());
        let written = format!(
            "event: sale\ndata: {{\"a\":\"x\\ny\"}}\nid: {}\n\n",
            event.id()
        );
        assert_eq!(event.bytes(), written);
        let written = "event: sale\ndata: {\"a\":\"x\\ny\"}\nid: 1.2\n\n";
        assert_eq!(event.with_id("1.2"), written);
    }
}
