//! The table of rules: what each says in which runtime, and what to write instead.
//!
//! Source: spec CloudFront Functions sections 7.1 to 7.4, which follow AWS's pages "JavaScript runtime 1.0 / 2.0 features
//! for CloudFront Functions" and observations of the real edge.

use super::Dialect;

/// What a runtime makes of something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It takes it.
    Runs,
    /// It does not parse, or throws.
    Refused,
    /// It takes it; AWS's documentation advises against it.
    Advice,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its name.
    pub code: &'static str,
    /// What is not there, in a sentence that begins "… has no"; of advice the whole sentence. Empty: told at the place.
    pub what: &'static str,
    /// What to do instead.
    pub remedy: &'static str,
    one: Verdict,
    two: Verdict,
}

impl Rule {
    /// What a runtime makes of it.
    pub(super) const fn verdict(&self, dialect: Dialect) -> Verdict {
        match dialect {
            Dialect::One => self.one,
            Dialect::Two => self.two,
        }
    }
}

use Verdict::{Advice, Refused, Runs};

/// Refused by both runtimes.
const fn neither(code: &'static str, what: &'static str, remedy: &'static str) -> Rule {
    Rule { code, what, remedy, one: Refused, two: Refused }
}

/// Refused by runtime 1.0 only.
const fn from_two(code: &'static str, what: &'static str, remedy: &'static str) -> Rule {
    Rule { code, what, remedy, one: Refused, two: Runs }
}

/// Refused by runtime 2.0 only.
const fn not_in_two(code: &'static str, what: &'static str, remedy: &'static str) -> Rule {
    Rule { code, what, remedy, one: Runs, two: Refused }
}

/// Runs in 2.0 although its documentation says otherwise. (In 1.0 the keyword itself is refused.)
const fn advice(code: &'static str, what: &'static str, remedy: &'static str) -> Rule {
    Rule { code, what, remedy, one: Runs, two: Advice }
}

/// Gives each rule its name, and lists them all.
macro_rules! rules {
    ($($name:ident = $kind:ident($($text:expr),* $(,)?);)*) => {
        $(pub(super) static $name: Rule = $kind($($text),*);)*
        /// Every rule, for the test that compares them with the documentation.
        #[cfg(test)]
        pub(super) static ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    // The source as a whole.
    TOO_LARGE = neither("too-large", "", "minify it");
    NOT_CHECKED = neither("not-checked", "", "simplify it");
    SYNTAX = neither("syntax", "", "correct the syntax");
    REDECLARED = neither("redeclared", "", "give one of the two another name");

    // Declarations.
    LET_CONST = from_two("let-const", "let and const", "use var");
    USING = neither("using", "using declarations", "use const");
    DEFAULT_PARAMETER = neither("default-parameter", "default parameters",
        "test the parameter for undefined in the body");
    DESTRUCTURING = neither("destructuring", "destructuring",
        "take the members one by one: const a = o.a");
    CLASS = neither("class", "classes", "use a function that returns an object");
    SUPER = neither("super", "super", "name the other object's method");
    GENERATOR = neither("generator", "generators", "collect the values in an array");
    ASYNC_FUNCTION = from_two("async-function", "async functions",
        "set runtime = \"cloudfront-js-2.0\", or return without waiting");
    ASYNC_CLOSURE = advice("async-closure",
        "AWS's documentation says that async closures are not supported; they run",
        "write async function name() {} to follow the documentation");

    // Expressions.
    SPREAD = neither("spread", "spread", "use concat, Object.assign or Function.prototype.apply");
    OPTIONAL_CHAINING = neither("optional-chaining", "optional chaining", "use a && a.b");
    LOGICAL_ASSIGNMENT = neither("logical-assignment", "logical assignment",
        "write a = a || b, or an if");
    TAGGED_TEMPLATE = neither("tagged-template", "tagged templates",
        "call the function with the texts");
    BIGINT_LITERAL = neither("bigint", "BigInt literals", "use a number");
    NEW_TARGET = neither("new-target", "new.target", "pass a parameter");
    IMPORT_META = neither("import-meta", "import.meta", "leave it out");
    AWAIT_IN_ARGUMENTS = neither("await-in-arguments", "await in the arguments of a call",
        "await into a variable first, then pass that");
    TOP_LEVEL_AWAIT = neither("top-level-await", "await outside of async functions",
        "await inside the handler");
    REGEXP_FLAG = neither("regexp-flag", "", "use the flags g, i and m");
    REGEXP_STICKY = from_two("regexp-flag", "regular expression flag y", "anchor with ^");
    REGEXP_PATTERN = neither("regexp-pattern", "", "");
    LEGACY_NUMBER = neither("legacy-number", "numbers that begin with 0", "write 0o17, or no zero");
    IDENTIFIER = neither("identifier", "names with other characters than A to Z, digits, $ and _",
        "use plain letters");
    WITH_STATEMENT = neither("with", "with statements", "name the object each time");

    // Statements.
    FOR_OF = neither("for-of", "for-of loops", "use forEach, or count an index");
    CATCH_WITHOUT_BINDING = neither("catch-without-binding", "catch without a variable",
        "write catch (error)");
    HASHBANG = neither("hashbang", "#! line", "remove the line");

    // Modules.
    EXPORT = neither("export", "export", "leave the word out: the handler is found by its name");
    IMPORT_DECLARATION = from_two("import", "import", "write var x = require('x')");
    NAMED_IMPORT = neither("named-import", "named imports",
        "import the whole module: import crypto from 'crypto'");
    NAMESPACE_IMPORT = neither("namespace-import", "namespace imports",
        "import the whole module: import crypto from 'crypto'");
    BARE_IMPORT = neither("bare-import", "imports without a name", "give the module a name");
    IMPORT_ATTRIBUTES = neither("import-attributes", "import attributes", "leave them out");
    DYNAMIC_IMPORT = neither("dynamic-import", "import()", "import at the top");
    UNKNOWN_MODULE = neither("unknown-module", "", "");
    DYNAMIC_REQUIRE = neither("dynamic-require", "", "write the module's name as a text");
    MODULE_MEMBER = neither("module-member", "", "");
    HASH_ALGORITHM = neither("hash-algorithm", "", "use sha256, sha1 or md5");

    // Names that nobody declared.
    MISSING_GLOBAL = neither("missing-global", "", "");
    UNDECLARED_ASSIGNMENT = neither("undeclared-assignment", "",
        "declare it, or assign to globalThis");
    EVAL = neither("eval", "eval", "write the code where it runs");
    FUNCTION_CONSTRUCTOR = neither("function-constructor", "Function constructor",
        "write a function expression");

    // Members.
    MISSING_MEMBER = neither("missing-member", "", "");
    MISSING_METHOD = neither("missing-method", "", "");
    NJS_METHOD = not_in_two("njs-method", "", "use Buffer.from and toString of the buffer");
    OBJECT_CREATE_PROPERTIES = neither("object-create-properties",
        "second parameter of Object.create", "use Object.defineProperties on the new object");
    CONSOLE_METHOD = neither("console-method", "", "use console.log");
    CONSOLE_LOG_ARGUMENTS = neither("console-log-arguments",
        "console.log of more than one value", "join them: console.log('a ' + b)");
}
