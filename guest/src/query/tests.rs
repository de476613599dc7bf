//! The query's functions against those that a function with coders of its own gets.

use proptest::prelude::*;

use crate::machine::tests::eval;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A coder of the function's own takes the way through JavaScript, which must come to the same.
    #[test]
    fn both_ways_come_to_the_same(
        text in "([ab1=&+;%€]|%[0-9A-F]{2}|%C3%A9|__proto__=){0,12}",
        most in 0..4,
    ) {
        let both = format!(
            "(() => {{ const q = require('querystring'), text = {text:?};
              const ways = [['&', '='], [';', '='], ['&&', 'a']].map(([s, e]) => {{
                const own = q.parse(text, s, e, {{ maxKeys: {most}, decodeURIComponent: (t) => q.unescape(t) }});
                const quick = q.parse(text, s, e, {{ maxKeys: {most} }});
                const escape = {{ encodeURIComponent: (t) => q.escape(t) }};
                return JSON.stringify(own) === JSON.stringify(quick)
                  && Object.getPrototypeOf(quick) === null
                  && q.stringify(own, s, e, escape) === q.stringify(quick, s, e);
              }});
              return ways; }})()"
        );
        prop_assert_eq!(eval(&both), "[true,true,true]", "{}", text);
    }
}
