"""The jobs of the guide's examples, each under a path of its own: a component of Python has 20 MB, one is enough."""
import base64
import errno
import hashlib
import hmac
import json
import logging
import os
import random
import time
from urllib.parse import parse_qs, parse_qsl, urlencode

logger = logging.getLogger()
logger.setLevel(logging.INFO)
KEY = os.environ.get("KEY", "k").encode()
GOLD = os.environ.get("GOLD_ORIGIN", "gold.example.com")
SITES = {"TW": "https://tw.example/", "US": "https://us.example/"}


def field(name, value):
    return {name.lower(): [{"key": name, "value": value}]}


def value_of(request, name):
    lines = request["headers"].get(name)
    return lines[0]["value"] if lines else None


def ab_test(request):
    cookies = value_of(request, "cookie") or ""
    group = next((one for one in "AB" if f"group={one}" in cookies), None) or random.choice("AB")
    request["uri"] = {"A": "/experiment/control.jpg", "B": "/experiment/treatment.jpg"}[group]
    return request


def moved(request):
    target = "/new" + request["uri"].removeprefix("/moved")
    return {"status": "301", "statusDescription": "Moved Permanently", "headers": field("Location", target)}


def page(request):
    headers = field("Content-Type", "text/html; charset=utf-8") | field("Cache-Control", "max-age=100")
    return {"status": "200", "statusDescription": "OK", "headers": headers, "body": "<p>Grüße, 5 € 🎈"}


def query(request):
    given = {name.lower(): values[0].lower() for name, values in parse_qs(request["querystring"]).items()}
    request["querystring"] = urlencode(sorted(given.items()))
    return request


def country(request):
    site = SITES.get(value_of(request, "cloudfront-viewer-country"), "https://example.com/")
    return {"status": "302", "headers": field("Location", site)}


def tier(request):
    if value_of(request, "x-tier") == "gold":
        custom = request["origin"]["custom"]
        custom["domainName"] = GOLD
        custom["path"] = "/v2"
        custom["customHeaders"] |= field("X-Origin-Key", "opens")
        request["headers"] |= field("Host", GOLD)
    return request


def form(request):
    data = base64.b64decode(request["body"]["data"]).decode()
    fields = dict(parse_qsl(data))
    print("fields:", ", ".join(sorted(fields)))
    request["headers"] |= field("X-Item", fields.get("item", "none"))
    return request


def modify(request):
    order = json.loads(base64.b64decode(request["body"]["data"]))
    order.pop("password", None)
    request["body"].update(action="replace", encoding="text", data=json.dumps(order))
    return request


def signed(request):
    time.sleep(0.002)
    signature = hmac.new(KEY, request["uri"].encode(), hashlib.sha256).hexdigest()
    request["headers"] |= field("X-Signature", signature)
    return request


def files(request):
    os.makedirs("/tmp/log/old", exist_ok=True)
    with open("/tmp/log/visits", "a", encoding="utf-8") as visits:
        print(request["uri"], file=visits)
    with open("/tmp/log/visits", encoding="utf-8") as visits:
        count = len(visits.readlines())
    with open("/tmp/draft", "w+b") as draft:
        try:
            draft.truncate(10 << 30)
            full = "no"
        except OSError as error:
            full = errno.errorcode[error.errno]
    os.rename("/tmp/draft", "/tmp/log/draft")
    return {"status": "200", "body": f"{count} {sorted(os.listdir('/tmp/log'))} {full}"}


def fails(request):
    raise ValueError(f"no {request['uri']}")


JOBS = {job.__name__: job for job in (ab_test, moved, page, query, country, tier, form, modify, signed, files, fails)}


def error_page(response):
    if 400 <= int(response["status"]) <= 599:
        print("replacing a", response["status"])
        response.update(status="200", statusDescription="OK", body="Zurück in Kürze.")
    return response


def lambda_handler(event, context):
    cf = event["Records"][0]["cf"]
    logger.info("called as %s, time left: %s", context.function_name, context.get_remaining_time_in_millis() > 0)
    if cf["config"]["eventType"] == "origin-response":
        return error_page(cf["response"])
    job = cf["request"]["uri"].split("/")[1]
    return JOBS[job](cf["request"])
