//! Secrets in the values of custom headers, of functions' variables and of `[explain]`: `${NAME}` from the environment,
//! `file:path` from a file, `encrypted:` and what only a key of the environment opens.

use std::path::Path;

use super::Environment;
use crate::config::file::File;
use crate::config::problem::Problems;
use crate::config::sealed::{self, Key};
use crate::limits;

/// Replaces every secret of `written` by its value; what has none becomes a problem.
pub(super) fn expand(
    written: &mut File,
    base: &Path,
    environment: Environment<'_>,
    problems: &mut Problems,
) {
    let mut expand = |value: &mut String, at: String| match expanded(value, base, environment) {
        Ok(secret) => *value = secret,
        Err((message, remedy)) => problems.add(at, message, remedy),
    };
    if let Some(secret) = &mut written.explain.secret {
        expand(secret, "explain.secret".to_owned());
    }
    for (outer, distribution) in written.distribution.iter_mut().enumerate() {
        for (inner, origin) in distribution.origin.iter_mut().enumerate() {
            for (name, value) in &mut origin.custom_headers {
                expand(
                    value,
                    format!("distribution[{outer}].origin[{inner}].custom_headers.{name}"),
                );
            }
        }
    }
}

/// One value with its secrets, or what is wrong and what to do. The value itself never appears in a
/// message.
pub(super) fn expanded(
    value: &str,
    base: &Path,
    environment: Environment<'_>,
) -> Result<String, (String, String)> {
    if let Some(path) = value.strip_prefix("file:") {
        let content = super::read_text(&base.join(path), limits::CONFIG_MATERIAL_BYTES_MAX);
        let content =
            content.map_err(|error| (error, "name a file that can be read".to_owned()))?;
        return opened(content.trim_end_matches(['\r', '\n']), environment);
    }
    if value.starts_with(sealed::MARK) {
        return opened(value, environment);
    }
    let mut result = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(literal) = before.strip_suffix('$') {
            // `$${` is how a value says `${`.
            result.push_str(literal);
            result.push_str("${");
            rest = after;
            continue;
        }
        let Some((name, behind)) = after.split_once('}') else {
            let remedy = "write ${NAME}, or $${ for the two characters themselves".to_owned();
            return Err(("a ${ has no closing brace".to_owned(), remedy));
        };
        let Some(secret) = environment(name) else {
            let message = format!("the environment variable \"{name}\" is not set");
            return Err((message, format!("set {name}, or use file:path")));
        };
        result.push_str(before);
        result.push_str(&opened(&secret, environment)?);
        rest = behind;
    }
    result.push_str(rest);
    Ok(result)
}

/// A value that may be encrypted.
fn opened(value: &str, environment: Environment<'_>) -> Result<String, (String, String)> {
    let Some(encrypted) = value.strip_prefix(sealed::MARK) else { return Ok(value.to_owned()) };
    let Some(key) = environment(sealed::KEY_VARIABLE) else {
        let message = format!("the value is encrypted, and {} is not set", sealed::KEY_VARIABLE);
        return Err((message, "set it to the key the value was encrypted with".to_owned()));
    };
    let secret = Key::parse(&key).and_then(|key| key.decrypt(encrypted));
    secret.map_err(|fault| (fault.to_string(), fault.remedy().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_the_environment_and_from_files() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("token"), "from file\n")?;
        let environment = |name: &str| (name == "TOKEN").then(|| "t0ken".to_owned());
        let cases = [
            ("plain", Ok("plain")),
            ("Bearer ${TOKEN}!", Ok("Bearer t0ken!")),
            ("${TOKEN}${TOKEN}", Ok("t0kent0ken")),
            ("file:token", Ok("from file")),
            ("$${TOKEN} costs $5", Ok("${TOKEN} costs $5")),
            ("a$${b", Ok("a${b")),
            ("${MISSING}", Err("the environment variable \"MISSING\" is not set")),
            ("${TOKEN", Err("a ${ has no closing brace")),
        ];
        for (value, expected) in cases {
            let got = expanded(value, folder.path(), &environment);
            let got = got.as_deref().map_err(|(message, _)| message.as_str());
            assert_eq!(got, expected, "{value}");
        }
        assert!(expanded("file:absent", folder.path(), &environment).is_err());
        Ok(())
    }

    #[test]
    fn encrypted_values_want_their_key() -> Result<(), Box<dyn std::error::Error>> {
        let told = |value: &str, key: Option<&str>| {
            let environment = |name: &str| key.filter(|_| name == sealed::KEY_VARIABLE);
            let environment = |name: &str| environment(name).map(str::to_owned);
            let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
            std::fs::write(folder.path().join("token"), format!("{value}\n"))
                .map_err(|error| error.to_string())?;
            let written = expanded(value, folder.path(), &environment);
            let in_file = expanded("file:token", folder.path(), &environment);
            assert_eq!(written, in_file, "a file may hold it as well");
            let variables = |name: &str| (name == "TOKEN").then(|| value.to_owned());
            let both = |name: &str| environment(name).or_else(|| variables(name));
            let in_variable = expanded("${TOKEN}", folder.path(), &both);
            assert_eq!(written, in_variable, "and a variable");
            written.map_err(|(message, _)| message)
        };
        let fault = |fault: sealed::Fault| Err(fault.to_string());
        let [first, second] = [Key::random(), Key::random()].map(Result::unwrap_or_default);
        let key = Key::parse(&first).map_err(|fault| fault.to_string())?;
        let value = key.encrypt("p4$${ss}").map_err(|fault| fault.to_string())?;
        assert_eq!(told(&value, Some(&first)), Ok("p4$${ss}".to_owned()), "taken as it is");
        assert_eq!(told(&value, Some(&second)), fault(sealed::Fault::Refused));
        assert_eq!(told(&value, Some("short")), fault(sealed::Fault::Key));
        assert_eq!(told(&value.replace(':', ":-"), Some(&first)), fault(sealed::Fault::Form));
        let missing = "the value is encrypted, and VERGE_SECRET_KEY is not set".to_owned();
        assert_eq!(told(&value, None), Err(missing));
        Ok(())
    }
}
