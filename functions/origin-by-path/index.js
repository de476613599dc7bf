// Each service under /api/ has an origin of its own. The distribution knows the origins `orders` and `stock`, and two for
// the shop; what is not listed stays with the behavior's target.
import cf from 'cloudfront';

const PREFIX = '/api/';
const SHOP = ['shop-a', 'shop-b'];
const FAILED = [500, 502, 503, 504];

function serviceOf(uri) {
    return uri.startsWith(PREFIX) ? uri.slice(PREFIX.length).split('/')[0] : '';
}

function handler(event) {
    const request = event.request;
    const service = serviceOf(request.uri);

    switch (service) {
    case 'orders':
    case 'stock':
        cf.selectRequestOriginById(service);
        break;
    case 'shop':
        cf.createRequestOriginGroup({
            originIds: [{ originId: SHOP[0] }, { originId: SHOP[1] }],
            failoverCriteria: { statusCodes: FAILED },
        });
        break;
    case 'old':
        // Same server, another folder, and no more patience than a page of the past is worth.
        cf.updateRequestOrigin({ originPath: '/archive', timeouts: { readTimeout: 5 }, connectionAttempts: 1 });
        break;
    }
    if (service !== '') {
        // The service sees its own paths. Its name stays in the key of the cache, because the header is part of no key
        // and the path is: `/api/orders/7` and `/api/stock/7` must not share an entry.
        request.headers['x-service'] = { value: service };
    }
    return request;
}
