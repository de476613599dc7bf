//! Constructs of the language.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ImportDeclaration, ImportDeclarationSpecifier, RegExpFlags, VariableDeclarationKind,
};
use oxc_semantic::{AstNode, Semantic};
use oxc_span::GetSpan;
use oxc_syntax::operator::AssignmentOperator;

use super::{Report, patterns, rules};

/// Looks at every node of the tree.
pub(super) fn check(tree: &Semantic<'_>, report: &mut Report<'_>) {
    for node in tree.nodes().iter() {
        declaration(tree, node, report);
        expression(tree, node, report);
        module(node, report);
        name(node, report);
    }
}

/// The real engine's reader knows names of ASCII only, and no escapes in them.
fn name(node: &AstNode<'_>, report: &mut Report<'_>) {
    if !matches!(
        node.kind(),
        AstKind::IdentifierName(_)
            | AstKind::IdentifierReference(_)
            | AstKind::BindingIdentifier(_)
            | AstKind::LabelIdentifier(_)
    ) {
        return;
    }
    let span = node.kind().span();
    let text = usize::try_from(span.start).ok().zip(usize::try_from(span.end).ok());
    let text = text.and_then(|(start, end)| report.source.get(start..end)).unwrap_or_default();
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$') {
        report.add(&rules::IDENTIFIER, span.start);
    }
}

fn declaration(tree: &Semantic<'_>, node: &AstNode<'_>, report: &mut Report<'_>) {
    let start = node.kind().span().start;
    match node.kind() {
        AstKind::VariableDeclaration(declared) => match declared.kind {
            VariableDeclarationKind::Var => {}
            VariableDeclarationKind::Let | VariableDeclarationKind::Const => {
                report.add(&rules::LET_CONST, start);
            }
            VariableDeclarationKind::Using | VariableDeclarationKind::AwaitUsing => {
                report.add(&rules::USING, start);
            }
        },
        AstKind::FormalParameter(parameter) if parameter.initializer.is_some() => {
            report.add(&rules::DEFAULT_PARAMETER, start);
        }
        AstKind::ObjectPattern(_)
        | AstKind::ArrayPattern(_)
        | AstKind::ArrayAssignmentTarget(_)
        | AstKind::ObjectAssignmentTarget(_)
            if !within_pattern(tree, node) =>
        {
            report.add(&rules::DESTRUCTURING, start);
        }
        AstKind::Class(_) => report.add(&rules::CLASS, start),
        AstKind::Super(_) if !ancestor(tree, node, |kind| matches!(kind, AstKind::Class(_))) => {
            report.add(&rules::SUPER, start);
        }
        AstKind::Function(function) => {
            let (method, start) = match tree.nodes().parent_kind(node.id()) {
                AstKind::ObjectProperty(property) if property.method => (true, property.span.start),
                AstKind::MethodDefinition(method) => (true, method.span.start),
                _ => (false, start),
            };
            if function.generator {
                report.add(&rules::GENERATOR, start);
            }
            if function.r#async {
                report.add(&rules::ASYNC_FUNCTION, start);
                if method {
                    report.add(&rules::ASYNC_CLOSURE, start);
                }
            }
        }
        AstKind::ArrowFunctionExpression(arrow) if arrow.r#async => {
            report.add(&rules::ASYNC_FUNCTION, start);
            report.add(&rules::ASYNC_CLOSURE, start);
        }
        AstKind::ForOfStatement(_) => report.add(&rules::FOR_OF, start),
        AstKind::WithStatement(_) => report.add(&rules::WITH_STATEMENT, start),
        AstKind::CatchClause(clause) if clause.param.is_none() => {
            report.add(&rules::CATCH_WITHOUT_BINDING, start);
        }
        AstKind::Hashbang(_) => report.add(&rules::HASHBANG, start),
        _ => {}
    }
}

fn expression(tree: &Semantic<'_>, node: &AstNode<'_>, report: &mut Report<'_>) {
    let start = node.kind().span().start;
    match node.kind() {
        AstKind::SpreadElement(_) => report.add(&rules::SPREAD, start),
        AstKind::StaticMemberExpression(member) if member.optional => {
            question(report, member.object.span().end);
        }
        AstKind::ComputedMemberExpression(member) if member.optional => {
            question(report, member.object.span().end);
        }
        AstKind::PrivateFieldExpression(member) if member.optional => {
            question(report, member.object.span().end);
        }
        AstKind::CallExpression(call) if call.optional => question(report, call.callee.span().end),
        AstKind::AssignmentExpression(assignment) => {
            use AssignmentOperator::{LogicalAnd, LogicalNullish, LogicalOr};
            if matches!(assignment.operator, LogicalAnd | LogicalNullish | LogicalOr) {
                report.add(&rules::LOGICAL_ASSIGNMENT, start);
            }
        }
        AstKind::TaggedTemplateExpression(_) => report.add(&rules::TAGGED_TEMPLATE, start),
        AstKind::BigIntLiteral(_) => report.add(&rules::BIGINT_LITERAL, start),
        AstKind::NewTarget(_) => report.add(&rules::NEW_TARGET, start),
        AstKind::ImportMeta(_) => report.add(&rules::IMPORT_META, start),
        AstKind::ImportExpression(_) => report.add(&rules::DYNAMIC_IMPORT, start),
        AstKind::RegExpLiteral(literal) => {
            patterns::check(report, start, literal.regex.pattern.text.as_str());
            regexp_flags(report, start, literal.regex.flags);
        }
        AstKind::NumericLiteral(number) => {
            let raw = number.raw.as_ref().map_or("", |raw| raw.as_str()).as_bytes();
            if raw.starts_with(b"0") && raw.get(1).is_some_and(u8::is_ascii_digit) {
                report.add(&rules::LEGACY_NUMBER, start);
            }
        }
        AstKind::AwaitExpression(_) => {
            if !ancestor(tree, node, is_function) {
                report.add(&rules::TOP_LEVEL_AWAIT, start);
            } else if in_arguments(tree, node) {
                report.add(&rules::AWAIT_IN_ARGUMENTS, start);
            }
        }
        _ => {}
    }
}

fn module(node: &AstNode<'_>, report: &mut Report<'_>) {
    let start = node.kind().span().start;
    match node.kind() {
        AstKind::ImportDeclaration(import) => {
            report.add(&rules::IMPORT_DECLARATION, start);
            import_form(import, report);
        }
        AstKind::ExportDeclaration(_)
        | AstKind::ExportNamedDeclaration(_)
        | AstKind::ExportFromDeclaration(_)
        | AstKind::ExportDefaultDeclaration(_)
        | AstKind::ExportAllDeclaration(_) => report.add(&rules::EXPORT, start),
        _ => {}
    }
}

fn import_form(import: &ImportDeclaration<'_>, report: &mut Report<'_>) {
    let specifiers = import.specifiers.as_ref();
    if specifiers.is_none_or(|specifiers| specifiers.is_empty()) {
        report.add(&rules::BARE_IMPORT, import.span.start);
    }
    for specifier in specifiers.into_iter().flatten() {
        match specifier {
            ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => {}
            ImportDeclarationSpecifier::ImportSpecifier(named) => {
                report.add(&rules::NAMED_IMPORT, named.span.start);
            }
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => {
                report.add(&rules::NAMESPACE_IMPORT, all.span.start);
            }
        }
    }
    if let Some(clause) = &import.with_clause {
        report.add(&rules::IMPORT_ATTRIBUTES, clause.span.start);
    }
}

/// The `?.` that follows what ends at `after`.
fn question(report: &mut Report<'_>, after: u32) {
    let start = usize::try_from(after).unwrap_or(usize::MAX);
    let found = report.source.get(start..).and_then(|rest| rest.find("?."));
    let offset = found.and_then(|found| u32::try_from(found).ok()).unwrap_or(0);
    report.add(&rules::OPTIONAL_CHAINING, after.saturating_add(offset));
}

/// Flags of a regular expression at `start`.
pub(super) fn regexp_flags(report: &mut Report<'_>, start: u32, flags: RegExpFlags) {
    let known = RegExpFlags::G | RegExpFlags::I | RegExpFlags::M | RegExpFlags::Y;
    for (flag, name) in
        [(RegExpFlags::S, 's'), (RegExpFlags::U, 'u'), (RegExpFlags::D, 'd'), (RegExpFlags::V, 'v')]
    {
        if flags.difference(known).contains(flag) {
            let what = format!("regular expression flag {name}");
            report.add_about(&rules::REGEXP_FLAG, start, &what);
        }
    }
    if flags.contains(RegExpFlags::Y) {
        report.add(&rules::REGEXP_STICKY, start);
    }
}

fn is_function(kind: AstKind<'_>) -> bool {
    matches!(kind, AstKind::Function(_) | AstKind::ArrowFunctionExpression(_))
}

fn ancestor(tree: &Semantic<'_>, node: &AstNode<'_>, wanted: impl Fn(AstKind<'_>) -> bool) -> bool {
    tree.nodes().ancestor_kinds(node.id()).any(wanted)
}

/// A pattern within a pattern: the outer one is reported.
fn within_pattern(tree: &Semantic<'_>, node: &AstNode<'_>) -> bool {
    let mut inner = node.kind().span();
    for outer in tree.nodes().ancestor_kinds(node.id()) {
        match outer {
            AstKind::ObjectPattern(_)
            | AstKind::ArrayPattern(_)
            | AstKind::ObjectAssignmentTarget(_)
            | AstKind::ArrayAssignmentTarget(_) => return true,
            AstKind::BindingProperty(_)
            | AstKind::AssignmentTargetPropertyIdentifier(_)
            | AstKind::AssignmentTargetPropertyProperty(_)
            | AstKind::AssignmentTargetRest(_)
            | AstKind::BindingRestElement(_) => {}
            // Not the default value, which is an expression of its own.
            AstKind::AssignmentPattern(pattern) if pattern.left.span() == inner => {}
            AstKind::AssignmentTargetWithDefault(target) if target.binding.span() == inner => {}
            _ => return false,
        }
        inner = outer.span();
    }
    false
}

/// Whether an `await` stands, at any depth of its own function, in the arguments of a call. The real engine looks at no
/// more than that: "await in arguments not supported".
fn in_arguments(tree: &Semantic<'_>, node: &AstNode<'_>) -> bool {
    let start = node.kind().span().start;
    for outer in tree.nodes().ancestor_kinds(node.id()) {
        let arguments = match outer {
            AstKind::CallExpression(call) => &call.arguments,
            AstKind::NewExpression(new) => &new.arguments,
            kind if is_function(kind) => return false,
            _ => continue,
        };
        if arguments.iter().any(|argument| {
            let span = argument.span();
            (span.start..span.end).contains(&start)
        }) {
            return true;
        }
    }
    false
}
