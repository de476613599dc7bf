// The second half of ab-split: the request that this function sees is the one that ab-split returned, so the header
// says which variant the viewer got. Stored answers carry no such cookie; each viewer gets its own.
const COOKIE = 'ab';
const ATTRIBUTES = 'Path=/; Max-Age=2592000; SameSite=Lax';

function handler(event) {
    const response = event.response;
    const variant = event.request.headers['x-ab-variant'];

    if (variant) {
        response.cookies[COOKIE] = { value: variant.value, attributes: ATTRIBUTES };
    }
    return response;
}
