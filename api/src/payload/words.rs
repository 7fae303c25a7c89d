//! Explains what is wrong with a body, in terms of its fields, and what a value must be. Only faulty requests come here,
//! so it may be slow.

use std::fmt;

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::Type,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::strict::Strict;
use crate::{
    payload::{
        ignored_fields::ignored_fields,
        unknown::{Named, repeated, unknown},
    },
    problem::Problem,
};

/// How the messages of our own types begin: they end a sentence that starts with the field.
const OWN_FAULT: &str = "must ";

/// How messages of serde and its own types begin. They speak of Rust types.
const FAULTS_OF_SERDE: [&str; 5] = [
    "invalid type",
    "invalid value",
    "invalid length",
    "unknown variant",
    "UUID parsing failed",
];

/// What is wrong with a body that is not a `T`.
pub(super) fn explain<T: Type + DeserializeOwned>(body: &[u8]) -> Problem {
    let members = match members(body) {
        Ok(members) => members,
        Err(problem) => return problem,
    };
    let known = Schema::of::<T>();
    let fields = known.fields();
    if let Some(problem) = strange(&members, &fields, ignored_fields(&T::name())) {
        return problem;
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let Err(error) = serde_path_to_error::deserialize::<_, T>(Strict(&mut reader)) else {
        return Problem::validation("The body is not valid.");
    };
    let field = error.path().to_string();
    let why = without_place(error.inner());
    // At the path `.` the body as a whole lacks something.
    let missing = why
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    if let Some(missing) = missing {
        return Problem::of_field(missing.to_owned(), format!("{missing} is required."));
    }
    let is_null = members
        .iter()
        .any(|(name, value)| *name == field && value.get() == "null");
    let detail = if is_null {
        format!("{field} is required.")
    } else if why.starts_with(OWN_FAULT) {
        format!("{field} {why}.")
    } else if let Some(kind) = known.kind(&field).filter(|_| is_of_parser(&why, &error)) {
        format!("{field} must be {kind}.")
    } else if is_of_parser(&why, &error) {
        format!("{field} is not valid.")
    } else {
        format!("{field} is not valid: {why}.")
    };
    Problem::of_field(field, detail)
}

/// What is wrong with a body where none is expected. An empty object counts as no body.
pub(super) fn refuse_members(body: &[u8]) -> Result<(), Problem> {
    if body.trim_ascii().is_empty() || body.trim_ascii() == b"null" {
        return Ok(());
    }
    strange(&members(body)?, &[], &[]).map_or(Ok(()), Err)
}

/// The members of a body in their order, each with its value as it is written.
fn members(body: &[u8]) -> Result<Vec<(String, Box<RawValue>)>, Problem> {
    if str::from_utf8(body).is_err() {
        return Err(not_json("it is not UTF-8"));
    }
    serde_json::from_slice::<IgnoredAny>(body).map_err(|error| malformed(&error))?;
    match serde_json::from_slice::<Members>(body) {
        Ok(Members(members)) => Ok(members),
        Err(error) if error.is_data() => {
            Err(Problem::validation("The body must be a JSON object."))
        }
        Err(error) => Err(malformed(&error)),
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("line {}, column {}", error.line(), error.column());
    not_json(&if error.is_eof() {
        format!("it ends too early ({place})")
    } else {
        format!("it cannot be read on from {place}")
    })
}

fn not_json(why: &str) -> Problem {
    Problem::validation(format!("The body is not valid JSON: {why}."))
}

/// A member that is unknown, or occurs twice.
fn strange(
    members: &[(String, Box<RawValue>)],
    fields: &[&str],
    ignored: &[&str],
) -> Option<Problem> {
    let names = members.iter().map(|(name, _)| name.as_str());
    let is_known = |name: &str| fields.contains(&name) || ignored.contains(&name);
    if let Some(name) = names.clone().find(|name| !is_known(name)) {
        return Some(unknown(Named::Field, name, fields));
    }
    let mut seen = Vec::new();
    for name in names {
        if seen.contains(&name) {
            return Some(repeated(Named::Field, name));
        }
        seen.push(name);
    }
    None
}

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The schema of a body in the OpenAPI document.
struct Schema {
    registry: Registry,
    name: String,
}

impl Schema {
    fn of<T: Type>() -> Self {
        let mut registry = Registry::new();
        T::register(&mut registry);
        let name = T::name().into_owned();
        Self { registry, name }
    }

    fn properties(&self) -> &[(&'static str, MetaSchemaRef)] {
        let schema = self.registry.schemas.get(&self.name);
        schema.map_or(&[], |schema| &schema.properties)
    }

    fn fields(&self) -> Vec<&'static str> {
        self.properties().iter().map(|(name, _)| *name).collect()
    }

    /// What a field must be, as the end of a sentence.
    fn kind(&self, field: &str) -> Option<String> {
        let (_, schema) = self.properties().iter().find(|(name, _)| *name == field)?;
        self.kind_at(schema)
    }

    fn kind_at(&self, schema: &MetaSchemaRef) -> Option<String> {
        match schema {
            MetaSchemaRef::Inline(schema) => kind(schema),
            MetaSchemaRef::Reference(name) => kind(self.registry.schemas.get(name)?),
        }
    }
}

/// What a value of this type must be, as the end of a sentence.
pub fn kind_of<T: Type>() -> Option<String> {
    Schema::of::<T>().kind_at(&T::schema_ref())
}

fn kind(schema: &MetaSchema) -> Option<String> {
    if !schema.enum_items.is_empty() {
        let words = schema.enum_items.iter().filter_map(|item| item.as_str());
        return Some(format!("one of {}", words.collect::<Vec<_>>().join(", ")));
    }
    let kind = match (schema.ty, schema.format) {
        ("string", Some("uuid")) => "a UUID".to_owned(),
        ("string", _) => "a text".to_owned(),
        ("integer", _) => match (schema.minimum, schema.maximum) {
            (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
            _ => "a whole number".to_owned(),
        },
        ("number", _) => "a number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => "a list".to_owned(),
        ("object", _) => "an object".to_owned(),
        _ => return None,
    };
    Some(kind)
}

/// The message of an error of serde_json, without the place.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    said.strip_suffix(&place).unwrap_or(&said).to_owned()
}

fn is_of_parser(why: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> bool {
    // Numbers that no float holds and halves of characters are such errors, in otherwise valid JSON.
    !error.inner().is_data() || FAULTS_OF_SERDE.iter().any(|words| why.starts_with(words))
}
