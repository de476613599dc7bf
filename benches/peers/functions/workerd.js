// verge-request.js and verge-response.js for workerd.
const versioned = /^\/fn\/v\d+\/(obj|nc)\/([a-z0-9]+)$/;

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (!url.pathname.startsWith('/fn/')) return env.ORIGIN.fetch(request);
    url.pathname = url.pathname.replace(versioned, '/$1/$2');
    const kept = url.search.slice(1).split('&').filter((part) => part && !part.startsWith('utm_'));
    url.search = kept.sort().join('&');
    const changed = new Request(url, request);
    changed.headers.set('x-rewritten', '1');
    const answer = await env.ORIGIN.fetch(changed);
    const marked = new Response(answer.body, answer);
    marked.headers.set('x-answered-by', 'workerd');
    return marked;
  },
};
