// A cache key is sensitive to the order and the case of query parameters. This makes one address of the many that mean
// the same page: tracking parameters go, known names are lower-cased, the rest is sorted by name.
const KNOWN = ['category', 'lang', 'page', 'q', 'size', 'sort'];
const TRACKING = ['dclid', 'fbclid', 'gclid', 'mc_cid', 'mc_eid', 'msclkid'];

function isTracking(name) {
    return name.startsWith('utm_') || TRACKING.includes(name);
}

// All values of one parameter, in the order they were sent.
function valuesOf(parameter) {
    return parameter.multiValue || [{ value: parameter.value }];
}

function handler(event) {
    const request = event.request;
    // Without a prototype, so that a parameter called "constructor" is a parameter like any other.
    const collected = Object.create(null);

    Object.keys(request.querystring).forEach(function (sent) {
        const lower = sent.toLowerCase();
        if (isTracking(lower)) {
            return;
        }
        const name = KNOWN.includes(lower) ? lower : sent;
        const before = collected[name] || [];
        collected[name] = before.concat(valuesOf(request.querystring[sent]));
    });

    const sorted = Object.create(null);
    Object.keys(collected).sort().forEach(function (name) {
        const values = collected[name];
        sorted[name] = { value: values[0].value };
        if (values.length > 1) {
            sorted[name].multiValue = values;
        }
    });
    request.querystring = sorted;
    return request;
}
