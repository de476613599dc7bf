//! The page that lists everything has every name of these lists.

use super::*;

const PAGE: &str = include_str!("../../../docs/runtimes.md");

fn all(names: &Names) -> impl Iterator<Item = &'static str> {
    names.both.iter().chain(names.two).chain(names.one).copied()
}

#[test]
fn every_name_is_on_the_page() {
    let globals: Vec<&str> = all(&GLOBALS).filter(|name| *name != "arguments").collect();
    let members = globals.iter().flat_map(|global| {
        // Of the nine kinds of typed arrays the page shows one.
        let shown = if typed_array(global) { "Uint8Array" } else { *global };
        let names = members_of(global).map(|names| all(&names).collect::<Vec<_>>());
        names.unwrap_or_default().into_iter().map(move |name| format!("`{shown}.{name}`"))
    });
    let array = all(&ARRAY_METHODS).map(|name| format!("`Array.prototype.{name}`"));
    let string = all(&STRING_METHODS).map(|name| format!("`String.prototype.{name}`"));
    let modules = modules(Dialect::Two).iter().flat_map(|module| {
        let members = module_members(module).unwrap_or_default();
        members.iter().map(move |name| format!("`{module}.{name}`"))
    });
    let missing: Vec<String> = globals
        .iter()
        .map(|name| if *name == "eval" { "`eval(\"1\")`".to_owned() } else { format!("`{name}`") })
        .chain(members)
        .chain(array)
        .chain(string)
        .chain(modules)
        .filter(|code| {
            // What every object has is there once.
            let inherited = code.rsplit_once("prototype.").map(|(_, name)| name);
            let inherited = inherited.map(|name| format!("`Object.prototype.{name}"));
            !PAGE.contains(code.as_str()) && !inherited.is_some_and(|name| PAGE.contains(&name))
        })
        .collect();
    assert!(missing.is_empty(), "{}", missing.join(" "));
}
