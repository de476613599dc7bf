//! What an expression is, as far as the source says so.

use oxc_ast::AstKind;
use oxc_ast::ast::{
    CallExpression, Expression, IdentifierReference, LogicalOperator, MemberExpression,
};
use oxc_semantic::Semantic;
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};

use crate::limits;

/// What is known of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind<'a> {
    /// A global of that name.
    Global(&'a str),
    /// The `prototype` of a global.
    Prototype(&'a str),
    /// What a module exports.
    Module(&'a str),
    /// An array.
    Array,
    /// A string.
    Text,
    /// Something else, which has none of the methods looked at.
    Other,
    /// The source does not say.
    Unknown,
}

/// A member access with a name that the source says: object, name, and where the name is.
#[derive(Clone, Copy)]
pub(super) struct Member<'t, 'a> {
    pub object: &'t Expression<'a>,
    pub name: &'a str,
    pub offset: u32,
}

/// The member access that a node is.
pub(super) fn member_of<'a>(kind: AstKind<'a>) -> Option<Member<'a, 'a>> {
    match kind {
        AstKind::StaticMemberExpression(member) => Some(Member {
            object: &member.object,
            name: member.property.name.as_str(),
            offset: member.property.span.start,
        }),
        AstKind::ComputedMemberExpression(member) => {
            let (span, name) = member.static_property_info()?;
            Some(Member { object: &member.object, name, offset: span.start })
        }
        _ => None,
    }
}

/// Tells what expressions are.
pub(super) struct Kinds<'t, 'a> {
    tree: &'t Semantic<'a>,
}

impl<'t, 'a> Kinds<'t, 'a> {
    pub(super) const fn new(tree: &'t Semantic<'a>) -> Self {
        Self { tree }
    }

    /// What `expression` is.
    pub(super) fn of(&self, expression: &Expression<'a>) -> Kind<'a> {
        self.at(expression, limits::LINT_INFERENCE_DEPTH_MAX)
    }

    /// `steps` bounds how far definitions are followed: each step may lead to several more.
    fn at(&self, expression: &Expression<'a>, steps: usize) -> Kind<'a> {
        let Some(steps) = steps.checked_sub(1) else { return Kind::Unknown };
        match expression {
            Expression::ArrayExpression(_) => Kind::Array,
            Expression::StringLiteral(_) | Expression::TemplateLiteral(_) => Kind::Text,
            Expression::Identifier(name) => self.name(name, steps),
            Expression::CallExpression(call) => self.call(call, steps),
            Expression::NewExpression(new) => match self.at(&new.callee, steps) {
                Kind::Global("Array") => Kind::Array,
                Kind::Unknown => Kind::Unknown,
                _ => Kind::Other,
            },
            Expression::BinaryExpression(binary) => {
                let is_text = |side| self.at(side, steps) == Kind::Text;
                match binary.operator {
                    BinaryOperator::Addition if is_text(&binary.left) || is_text(&binary.right) => {
                        Kind::Text
                    }
                    BinaryOperator::Addition => Kind::Unknown,
                    _ => Kind::Other,
                }
            }
            Expression::UnaryExpression(unary) => match unary.operator {
                UnaryOperator::Typeof => Kind::Text,
                _ => Kind::Other,
            },
            Expression::LogicalExpression(logical) => {
                let right = self.at(&logical.right, steps);
                match logical.operator {
                    // Not the right side only when the left one is falsy, and has no methods then.
                    LogicalOperator::And => right,
                    _ => alike(self.at(&logical.left, steps), right),
                }
            }
            Expression::ConditionalExpression(choice) => {
                alike(self.at(&choice.consequent, steps), self.at(&choice.alternate, steps))
            }
            Expression::AssignmentExpression(assignment) if assignment.operator.is_assign() => {
                self.at(&assignment.right, steps)
            }
            Expression::SequenceExpression(sequence) => {
                sequence.expressions.last().map_or(Kind::Unknown, |last| self.at(last, steps))
            }
            Expression::NumericLiteral(_)
            | Expression::BooleanLiteral(_)
            | Expression::NullLiteral(_)
            | Expression::RegExpLiteral(_)
            | Expression::BigIntLiteral(_)
            | Expression::ObjectExpression(_)
            | Expression::FunctionExpression(_)
            | Expression::ArrowFunctionExpression(_)
            | Expression::ClassExpression(_)
            | Expression::UpdateExpression(_) => Kind::Other,
            other => other.as_member_expression().map_or(Kind::Unknown, |m| self.member(m, steps)),
        }
    }

    fn member(&self, member: &MemberExpression<'a>, steps: usize) -> Kind<'a> {
        match (self.at(member.object(), steps), member.static_property_name()) {
            (Kind::Global("globalThis" | "global"), Some(name)) => Kind::Global(name),
            (Kind::Global(global), Some("prototype")) => Kind::Prototype(global),
            (Kind::Module("buffer"), Some("Buffer")) => Kind::Global("Buffer"),
            (_, Some("length")) | (Kind::Global("Math" | "Number"), _) => Kind::Other,
            _ => Kind::Unknown,
        }
    }

    /// What a name stands for: a global, or what its only definition gives it.
    fn name(&self, name: &IdentifierReference<'a>, steps: usize) -> Kind<'a> {
        let scoping = self.tree.scoping();
        let Some(reference) = name.reference_id.get() else { return Kind::Unknown };
        let Some(symbol) = scoping.get_reference(reference).symbol_id() else {
            return Kind::Global(name.name.as_str());
        };
        if scoping.symbol_is_mutated(symbol) || !scoping.symbol_redeclarations(symbol).is_empty() {
            return Kind::Unknown;
        }
        let declaration = self.tree.symbol_declaration(symbol);
        match declaration.kind() {
            AstKind::VariableDeclarator(declared) if !declared.id.is_destructuring_pattern() => {
                declared.init.as_ref().map_or(Kind::Unknown, |init| self.at(init, steps))
            }
            AstKind::ImportDefaultSpecifier(_) => {
                match self.tree.nodes().parent_kind(declaration.id()) {
                    AstKind::ImportDeclaration(import) => {
                        Kind::Module(import.source.value.as_str())
                    }
                    _ => Kind::Unknown,
                }
            }
            AstKind::Function(_) | AstKind::Class(_) => Kind::Other,
            _ => Kind::Unknown,
        }
    }

    fn call(&self, call: &CallExpression<'a>, steps: usize) -> Kind<'a> {
        if let Expression::Identifier(name) = &call.callee {
            return match self.name(name, steps) {
                Kind::Global("require") => match call.arguments.first() {
                    Some(oxc_ast::ast::Argument::StringLiteral(module)) => {
                        Kind::Module(module.value.as_str())
                    }
                    _ => Kind::Unknown,
                },
                Kind::Global("Array") => Kind::Array,
                Kind::Global(
                    "String" | "encodeURIComponent" | "decodeURIComponent" | "encodeURI"
                    | "decodeURI" | "atob" | "btoa",
                ) => Kind::Text,
                Kind::Global("Number" | "Boolean" | "parseInt" | "parseFloat" | "Symbol") => {
                    Kind::Other
                }
                _ => Kind::Unknown,
            };
        }
        let Some(member) = call.callee.as_member_expression() else { return Kind::Unknown };
        let Some(name) = member.static_property_name() else { return Kind::Unknown };
        result_of(self.at(member.object(), steps), name)
    }
}

/// What a method returns.
fn result_of<'a>(object: Kind<'a>, name: &str) -> Kind<'a> {
    match (object, name) {
        (Kind::Global("Object"), "keys" | "values" | "entries" | "getOwnPropertyNames")
        | (Kind::Global("Array"), "from" | "of") => Kind::Array,
        (Kind::Global("Object"), "create") => Kind::Other,
        (Kind::Global("JSON"), "stringify") | (Kind::Global("String"), _) => Kind::Text,
        (Kind::Global("Math" | "Number" | "Buffer" | "Date"), _) => Kind::Other,
        (Kind::Text, "slice" | "concat") => Kind::Text,
        (Kind::Array, "slice" | "concat" | "map" | "filter" | "sort" | "reverse" | "splice") => {
            Kind::Array
        }
        (Kind::Global(_) | Kind::Module(_) | Kind::Prototype(_) | Kind::Other, _) => Kind::Unknown,
        // Names that hardly anything but strings and arrays has.
        (_, "split") => Kind::Array,
        (
            _,
            "toLowerCase" | "toUpperCase" | "trim" | "trimStart" | "trimEnd" | "substr"
            | "substring" | "charAt" | "padStart" | "padEnd" | "join",
        ) => Kind::Text,
        _ => Kind::Unknown,
    }
}

fn alike<'a>(one: Kind<'a>, other: Kind<'a>) -> Kind<'a> {
    if one == other { one } else { Kind::Unknown }
}
