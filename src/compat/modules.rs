//! Modules, by `import` or `require`, and what is taken from them.

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, CallExpression};
use oxc_semantic::Semantic;
use oxc_span::GetSpan;

use super::kinds::{Kind, Kinds, member_of};
use super::{Report, names, rules};

/// Looks every module and every member of one up.
pub(super) fn check(tree: &Semantic<'_>, report: &mut Report<'_>) {
    let kinds = Kinds::new(tree);
    for node in tree.nodes().iter() {
        match node.kind() {
            AstKind::ImportDeclaration(import) => {
                module(report, import.source.span.start, import.source.value.as_str());
            }
            AstKind::CallExpression(call) if kinds.of(&call.callee) == Kind::Global("require") => {
                required(call, report);
            }
            kind => {
                let Some(member) = member_of(kind) else { continue };
                let Kind::Module(of) = kinds.of(member.object) else { continue };
                let Some(known) = names::module_members(of) else { continue };
                if !known.contains(&member.name) {
                    let name = member.name;
                    let message = format!("the module {of} has no {name}");
                    let remedy = format!("it has {}", known.join(", "));
                    report.add_worded(&rules::MODULE_MEMBER, member.offset, message, &remedy);
                }
            }
        }
    }
}

fn required(call: &CallExpression<'_>, report: &mut Report<'_>) {
    match call.arguments.first() {
        Some(Argument::StringLiteral(name)) => {
            module(report, name.span.start, name.value.as_str());
        }
        argument => {
            let start = argument.map_or(call.span.start, |argument| argument.span().start);
            let rule = &rules::DYNAMIC_REQUIRE;
            let message = "if this is not a module of the runtime, require throws".to_owned();
            report.add_possible(rule, start, message, rule.remedy.to_owned());
        }
    }
}

fn module(report: &mut Report<'_>, start: u32, name: &str) {
    let dialect = report.dialect;
    if !names::modules(dialect).contains(&name) {
        let message = format!("{} has no module {name}", dialect.as_str());
        let remedy = names::instead_of_module(name, dialect);
        report.add_worded(&rules::UNKNOWN_MODULE, start, message, &remedy);
    }
}
