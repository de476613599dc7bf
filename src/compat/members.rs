//! Members of globals, and methods of arrays and strings.

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, Expression, RegExpFlags};
use oxc_semantic::{AstNode, Semantic};
use oxc_span::GetSpan;
use oxc_syntax::operator::UnaryOperator;

use super::globals::Own;
use super::kinds::{Kind, Kinds, Member, member_of};
use super::{Dialect, Report, globals, names, patterns, rules, syntax};

/// Looks every member up whose object is known, and every method that only arrays or strings have.
pub(super) fn check(tree: &Semantic<'_>, own: &Own<'_>, report: &mut Report<'_>) {
    let kinds = Kinds::new(tree);
    for node in tree.nodes().iter() {
        match node.kind() {
            AstKind::CallExpression(call) => {
                constructed(kinds.of(&call.callee), &call.callee, &call.arguments, report);
                called(&kinds, &call.callee, &call.arguments, report);
            }
            AstKind::NewExpression(new) => {
                constructed(kinds.of(&new.callee), &new.callee, &new.arguments, report);
            }
            kind => {
                let Some(member) = member_of(kind) else { continue };
                if let Some(usage) = usage(tree, node) {
                    used(kinds.of(member.object), &member, usage, own, report);
                }
            }
        }
    }
}

/// How a member is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    /// Called, or made an object of.
    Called,
    /// Read.
    Read,
}

/// How a member is used; `None` when it is assigned to, or only asked whether it is there.
fn usage(tree: &Semantic<'_>, node: &AstNode<'_>) -> Option<Usage> {
    let mut inner = node.kind().span();
    for (depth, outer) in tree.nodes().ancestor_kinds(node.id()).enumerate() {
        match outer {
            AstKind::CallExpression(call) if depth == 0 && call.callee.span() == inner => {
                return Some(Usage::Called);
            }
            AstKind::NewExpression(new) if depth == 0 && new.callee.span() == inner => {
                return Some(Usage::Called);
            }
            AstKind::AssignmentExpression(assignment) if assignment.left.span() == inner => {
                return None;
            }
            AstKind::UnaryExpression(unary) => match unary.operator {
                UnaryOperator::Typeof | UnaryOperator::Delete => return None,
                UnaryOperator::LogicalNot => {}
                _ => return Some(Usage::Read),
            },
            AstKind::LogicalExpression(logical) if logical.left.span() == inner => return None,
            AstKind::LogicalExpression(_) => {}
            AstKind::IfStatement(choice) if choice.test.span() == inner => return None,
            AstKind::ConditionalExpression(choice) if choice.test.span() == inner => return None,
            AstKind::BinaryExpression(binary) if binary.operator.is_equality() => return None,
            _ => return Some(Usage::Read),
        }
        inner = outer.span();
    }
    Some(Usage::Read)
}

/// A member of something.
fn used(
    object: Kind<'_>,
    member: &Member<'_, '_>,
    usage: Usage,
    own: &Own<'_>,
    report: &mut Report<'_>,
) {
    let (name, dialect) = (member.name, report.dialect);
    match object {
        Kind::Global("console") if name != "log" => {
            let what = format!("console.{name}");
            report.add_about(&rules::CONSOLE_METHOD, member.offset, &what);
        }
        Kind::Global("globalThis" | "global") => {
            let known = names::has_global(name, dialect) || own.has_global(name);
            if usage == Usage::Called && !known {
                globals::missing(report, member.offset, name);
            }
        }
        Kind::Global("String") if name == "bytesFrom" => of_runtime_one(name, member, report),
        Kind::Global(global)
            if !names::has_member(global, name, dialect) && !own.has_member(global, name) =>
        {
            let message = format!("{} has no {global}.{name}", dialect.as_str());
            let remedy = names::instead_of_member(global, name);
            report.add_worded(&rules::MISSING_MEMBER, member.offset, message, remedy);
        }
        Kind::Prototype(owner @ ("Array" | "String")) => {
            method(owner, member, own, report);
        }
        Kind::Array if usage == Usage::Called => method("Array", member, own, report),
        Kind::Text if usage == Usage::Called => method("String", member, own, report),
        Kind::Unknown if usage == Usage::Called => possible(member, own, report),
        _ => {}
    }
}

/// A method of an array or a string.
fn method(owner: &str, member: &Member<'_, '_>, own: &Own<'_>, report: &mut Report<'_>) {
    let (name, dialect) = (member.name, report.dialect);
    let present = match owner {
        "Array" => names::array_has(name, dialect),
        _ => names::string_has(name, dialect),
    };
    let plain = matches!(name, "constructor" | "length" | "prototype");
    if present || plain || own.has_member(owner, name) || own.has_member("Object", name) {
        return;
    }
    if names::of_runtime_one(name) {
        return of_runtime_one(name, member, report);
    }
    let message = format!("{} has no {owner}.prototype.{name}", dialect.as_str());
    let remedy = match names::missing_method(name, dialect) {
        Some((_, instead)) => format!("use {instead}"),
        None => "do it by hand; docs/runtimes.md lists what is there".to_owned(),
    };
    report.add_worded(&rules::MISSING_METHOD, member.offset, message, &remedy);
}

/// What AWS documents for the first runtime only; the second one may still have it.
fn of_runtime_one(name: &str, member: &Member<'_, '_>, report: &mut Report<'_>) {
    if report.dialect == Dialect::Two {
        let message = format!("AWS documents {name} for cloudfront-js-1.0 only");
        let remedy = rules::NJS_METHOD.remedy.to_owned();
        report.add_possible(&rules::NJS_METHOD, member.offset, message, remedy);
    }
}

/// A method of something unknown that has a name which only arrays or strings of a later language have.
fn possible(member: &Member<'_, '_>, own: &Own<'_>, report: &mut Report<'_>) {
    let (name, dialect) = (member.name, report.dialect);
    let Some((owners, instead)) = names::missing_method(name, dialect) else { return };
    if ["Array", "String", "Object"].iter().any(|owner| own.has_member(owner, name)) {
        return;
    }
    if names::of_runtime_one(name) {
        return of_runtime_one(name, member, report);
    }
    let kind = match (owners.contains("Array."), owners.contains("String.")) {
        (true, true) => "an array or a string",
        (true, false) => "an array",
        _ => "a string",
    };
    let message = format!("if this is {kind}: {} has no {owners}", dialect.as_str());
    let remedy =
        format!("use {instead}; if it is an object of your own, give its method another name");
    report.add_possible(&rules::MISSING_METHOD, member.offset, message, remedy);
}

/// `Function(…)`, `new Function(…)`, `new RegExp(…, flags)`, with or without `new`.
fn constructed(
    callee: Kind<'_>,
    expression: &Expression<'_>,
    arguments: &[Argument<'_>],
    report: &mut Report<'_>,
) {
    match callee {
        Kind::Global("Function") => {
            report.add(&rules::FUNCTION_CONSTRUCTOR, expression.span().start);
        }
        Kind::Global("RegExp") => {
            if let Some(Argument::StringLiteral(pattern)) = arguments.first() {
                patterns::check(report, pattern.span.start, pattern.value.as_str());
            }
            let Some(Argument::StringLiteral(flags)) = arguments.get(1) else { return };
            let known = flags.value.chars().filter_map(|flag| RegExpFlags::try_from(flag).ok());
            let flags_given = known.fold(RegExpFlags::empty(), |all, flag| all | flag);
            syntax::regexp_flags(report, flags.span.start, flags_given);
        }
        _ => {}
    }
}

/// Calls whose arguments matter.
fn called(
    kinds: &Kinds<'_, '_>,
    callee: &Expression<'_>,
    arguments: &[Argument<'_>],
    report: &mut Report<'_>,
) {
    let Some(member) = callee.as_member_expression() else { return };
    let Some(name) = member.static_property_name() else { return };
    let object = kinds.of(member.object());
    match (object, name, arguments.get(1)) {
        (Kind::Global("console"), "log", Some(second)) => {
            report.add(&rules::CONSOLE_LOG_ARGUMENTS, second.span().start);
        }
        (Kind::Global("Object"), "create", Some(properties)) => {
            report.add(&rules::OBJECT_CREATE_PROPERTIES, properties.span().start);
        }
        (Kind::Module("crypto"), "createHash" | "createHmac", _) => {
            let Some(Argument::StringLiteral(hash)) = arguments.first() else { return };
            if !names::HASHES.contains(&hash.value.as_str()) {
                let what = format!("hash {}", hash.value);
                report.add_about(&rules::HASH_ALGORITHM, hash.span.start, &what);
            }
        }
        _ => {}
    }
}
