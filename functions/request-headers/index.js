// Tells the origin what only the edge knows, and folds header fields with many spellings into few: the fewer values a
// field has, the better it serves as part of a cache key.
const INTERNAL = 'x-internal-';

function deviceOf(agent) {
    if (/ipad|tablet|android(?!.*mobile)/i.test(agent)) {
        return 'tablet';
    }
    return /mobi|iphone|android/i.test(agent) ? 'mobile' : 'desktop';
}

function handler(event) {
    const request = event.request;
    const headers = request.headers;

    // Fields that mean something inside must not come from outside.
    Object.keys(headers).forEach(function (name) {
        if (name.startsWith(INTERNAL)) {
            delete headers[name];
        }
    });

    headers['true-client-ip'] = { value: event.viewer.ip };

    const agent = headers['user-agent'];
    headers['x-device'] = { value: deviceOf(agent ? agent.value : '') };

    // The first language without its region: "de-CH,fr;q=0.5" becomes "de".
    const languages = headers['accept-language'];
    if (languages) {
        const first = languages.value.split(/[,;]/)[0].trim().toLowerCase().split('-')[0];
        headers['accept-language'] = { value: /^[a-z]{2,3}$/.test(first) ? first : 'en' };
    }
    return request;
}
