//! The quick answers against the engine's own.

use proptest::prelude::*;

use super::*;
use crate::machine::tests::eval;

/// What the engine's own function of a realm without ours answers; `None` when it throws.
fn own(
    this: &JsValue,
    name: &str,
    arguments: &[JsValue],
    context: &mut Context,
) -> Option<JsValue> {
    let is_global = name.ends_with("Component");
    let prototype = context.intrinsics().constructors().string().prototype();
    let holder = if is_global { context.global_object() } else { prototype };
    let function = holder.get(JsString::from(name), context).ok()?.as_callable()?;
    function.call(this, arguments, context).ok()
}

proptest! {
    #[test]
    fn quick_answers_are_the_engines(
        text in prop_oneof!["[a-cA-C]{0,8}", "[ -\u{ff}]{0,8}", "[%0-9a-fA-FC3\u{20ac}]{0,9}", any::<String>()],
        wanted in prop_oneof!["[a-c]{0,2}", any::<String>()],
    ) {
        let mut context = Context::default();
        let this = JsValue::from(JsString::from(text.as_str()));
        let wanted = JsValue::from(JsString::from(wanted.as_str()));
        let quick: [(&str, &JsValue, Quick); 6] = [
            ("toLowerCase", &wanted, to_lower_case),
            ("toUpperCase", &wanted, to_upper_case),
            ("indexOf", &wanted, index_of),
            ("includes", &wanted, includes),
            ("encodeURIComponent", &this, encode_component),
            ("decodeURIComponent", &this, decode_component),
        ];
        for (name, argument, quick) in quick {
            let arguments = std::slice::from_ref(argument);
            if let Some(answer) = quick(&this, arguments) {
                prop_assert_eq!(own(&this, name, arguments, &mut context), Some(answer), "{}", name);
            }
        }
    }

    #[test]
    fn texts_are_repeated_as_the_engine_does(text: String, count in -1i32..9) {
        let mut context = Context::default();
        let this = JsValue::from(JsString::from(text.as_str()));
        let count = [JsValue::from(count)];
        let expected = own(&this, "repeat", &count, &mut context);
        if let Some(answer) = repeat(&this, &count) {
            prop_assert_eq!(Some(answer), expected);
        }
    }
}

#[test]
fn what_is_no_plain_text_goes_the_engines_way() {
    for (expression, expected) in [
        ("'İß€'.toLowerCase() + 'ß'.toUpperCase()", "\"i\u{307}ß€SS\""),
        ("String.prototype.toUpperCase.call(true)", "\"TRUE\""),
        (
            "['abcabc'.indexOf('c', 3), 'abc'.indexOf(), 'abc'.indexOf(''), 'a1'.indexOf(1)]",
            "[5,-1,0,1]",
        ),
        ("['abc'.includes('a', 1), '€'.includes('€')]", "[false,true]"),
        ("(() => { try { 'a'.includes(/a/) } catch (e) { return e.name } })()", "\"TypeError\""),
        (
            "(() => { try { ''.indexOf.call(null, 'a') } catch (e) { return e.name } })()",
            "\"TypeError\"",
        ),
        (
            "(() => { try { decodeURIComponent('%C3a') } catch (e) { return e.name } })()",
            "\"URIError\"",
        ),
        (
            "(() => { try { decodeURIComponent('%') } catch (e) { return e.name } })()",
            "\"URIError\"",
        ),
        (
            "(() => { try { encodeURIComponent('\\ud800') } catch (e) { return e.name } })()",
            "\"URIError\"",
        ),
        (
            "(() => { try { 'a'.repeat(Infinity) } catch (e) { return e.name } })()",
            "\"RangeError\"",
        ),
        (
            "['a'.repeat(2.9), 'a'.repeat(), ''.repeat(2 ** 40), '€'.repeat('2')]",
            "[\"aa\",\"\",\"\",\"€€\"]",
        ),
        (
            "[encodeURIComponent(), decodeURIComponent(1), encodeURIComponent('é€😀')]",
            "[\"undefined\",\"1\",\"%C3%A9%E2%82%AC%F0%9F%98%80\"]",
        ),
        (
            "[''.indexOf.length, ''.indexOf.name, ''.toLowerCase.length, Object.keys(String.prototype)]",
            "[1,\"indexOf\",0,[]]",
        ),
    ] {
        assert_eq!(eval(expression), expected, "{expression}");
    }
}
