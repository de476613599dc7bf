//! Names that nobody declared, and what the source itself adds to the globals.

use std::collections::BTreeSet;

use oxc_ast::AstKind;
use oxc_ast::ast::{AssignmentTarget, Expression};
use oxc_semantic::{AstNode, Semantic};
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::UnaryOperator;

use super::kinds::{Kind, Kinds};
use super::{Report, names, rules};

/// What the source makes for itself.
#[derive(Debug, Default)]
pub(super) struct Own<'a> {
    /// `globalThis.name = …`
    globals: BTreeSet<&'a str>,
    /// `Object.name = …` and `Array.prototype.name = …`: the global, and the name.
    members: BTreeSet<(&'a str, &'a str)>,
    /// `typeof name`: the name, and where.
    asked: Vec<(&'a str, Span)>,
}

impl<'a> Own<'a> {
    /// Collects what the source assigns to globals and asks about them.
    pub(super) fn collect(tree: &Semantic<'a>) -> Self {
        let kinds = Kinds::new(tree);
        let mut own = Self::default();
        for node in tree.nodes().iter() {
            match node.kind() {
                AstKind::AssignmentExpression(assignment) => {
                    let Some((object, name)) = target(&assignment.left) else { continue };
                    own.define(kinds.of(object), name);
                }
                AstKind::CallExpression(call) => {
                    let Some(member) = call.callee.as_member_expression() else { continue };
                    let defines = member.static_property_name() == Some("defineProperty")
                        && kinds.of(member.object()) == Kind::Global("Object");
                    if let (true, Some(object), Some(Expression::StringLiteral(name))) = (
                        defines,
                        call.arguments.first().and_then(|argument| argument.as_expression()),
                        call.arguments.get(1).and_then(|argument| argument.as_expression()),
                    ) {
                        own.define(kinds.of(object), name.value.as_str());
                    }
                }
                AstKind::UnaryExpression(unary) if unary.operator == UnaryOperator::Typeof => {
                    if let Expression::Identifier(name) = &unary.argument {
                        own.asked.push((name.name.as_str(), unary.span));
                    }
                }
                _ => {}
            }
        }
        own
    }

    fn define(&mut self, object: Kind<'a>, name: &'a str) {
        match object {
            Kind::Global("globalThis" | "global") => {
                self.globals.insert(name);
            }
            Kind::Global(global) | Kind::Prototype(global) => {
                self.members.insert((global, name));
            }
            _ => {}
        }
    }

    /// Whether the source makes this global.
    pub(super) fn has_global(&self, name: &str) -> bool {
        self.globals.contains(name)
    }

    /// Whether the source gives this member to a global, or to its prototype.
    pub(super) fn has_member(&self, global: &str, name: &str) -> bool {
        self.members.iter().any(|member| *member == (global, name))
    }

    /// Whether a node is only reached after the source asked for `typeof name`.
    fn asked_before(&self, tree: &Semantic<'_>, node: &AstNode<'_>, name: &str) -> bool {
        let about: Vec<Span> =
            self.asked.iter().filter(|(asked, _)| *asked == name).map(|(_, at)| *at).collect();
        if about.is_empty() {
            return false;
        }
        let asked =
            |within: Span| about.iter().any(|at| within.start <= at.start && at.end <= within.end);
        let inner = node.kind().span();
        tree.nodes().ancestor_kinds(node.id()).any(|outer| {
            let condition = match outer {
                AstKind::IfStatement(choice) => choice.test.span(),
                AstKind::ConditionalExpression(choice) => choice.test.span(),
                AstKind::LogicalExpression(logical) => logical.left.span(),
                _ => return false,
            };
            condition.end <= inner.start && asked(condition)
        })
    }
}

/// The object and the name that an assignment gives a value to.
fn target<'t, 'a>(left: &'t AssignmentTarget<'a>) -> Option<(&'t Expression<'a>, &'a str)> {
    let member = left.as_simple_assignment_target()?.as_member_expression()?;
    Some((member.object(), member.static_property_name()?))
}

/// Looks every name up that no scope declares.
pub(super) fn check(tree: &Semantic<'_>, own: &Own<'_>, report: &mut Report<'_>) {
    for node in tree.nodes().iter() {
        let AstKind::IdentifierReference(used) = node.kind() else { continue };
        let Some(reference) = used.reference_id.get() else { continue };
        let reference = tree.scoping().get_reference(reference);
        let name = used.name.as_str();
        if reference.symbol_id().is_some() || own.has_global(name) {
            continue;
        }
        let start = used.span.start;
        if reference.is_write() {
            let message = format!("{name} is assigned to and not declared, which throws");
            let rule = &rules::UNDECLARED_ASSIGNMENT;
            report.add_worded(rule, start, message, rule.remedy);
        } else if name == "eval" {
            report.add(&rules::EVAL, start);
        } else if !names::has_global(name, report.dialect)
            && !is_asked(tree, node)
            && !own.asked_before(tree, node, name)
        {
            missing(report, start, name);
        }
    }
}

/// Reports a global that is not there.
pub(super) fn missing(report: &mut Report<'_>, offset: u32, name: &str) {
    let message = format!("{} has no {name}", report.dialect.as_str());
    let remedy = names::instead_of_global(name, report.dialect);
    report.add_worded(&rules::MISSING_GLOBAL, offset, message, remedy);
}

/// `typeof name` is no use of the name.
fn is_asked(tree: &Semantic<'_>, node: &AstNode<'_>) -> bool {
    match tree.nodes().parent_kind(node.id()) {
        AstKind::UnaryExpression(unary) => unary.operator == UnaryOperator::Typeof,
        _ => false,
    }
}
