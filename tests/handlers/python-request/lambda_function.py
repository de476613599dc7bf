import hashlib
import hmac
import logging
import os
import time
from urllib.parse import parse_qs, urlencode

logger = logging.getLogger()
logger.setLevel(logging.INFO)
KEY = os.environ.get("KEY", "k").encode()


def lambda_handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    logger.info("called as %s, time left: %s", context.function_name, context.get_remaining_time_in_millis() > 0)
    given = {name.lower(): values[0].lower() for name, values in parse_qs(request["querystring"]).items()}
    request["querystring"] = urlencode(sorted(given.items()))
    time.sleep(0.002)
    signature = hmac.new(KEY, request["uri"].encode(), hashlib.sha256).hexdigest()
    request["headers"]["x-signature"] = [{"key": "X-Signature", "value": signature}]
    return request
