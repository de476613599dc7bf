"""What a handler may do over HTTP, against the demo origin; egress lists that origin alone."""
import http.client
import json
import os
import urllib.error
import urllib.request

ORIGIN = os.environ.get("ORIGIN", "")


def failure_of(ask):
    try:
        ask()
        return "no failure"
    except urllib.error.HTTPError as error:
        return f"{type(error).__name__} {error.code}"
    except urllib.error.URLError as error:
        return f"{type(error).__name__} {type(error.reason).__name__}"


def lambda_handler(event, context):
    told = []
    with urllib.request.urlopen(f"{ORIGIN}/api/items", timeout=5) as response:
        told.append([response.status, response.headers["content-type"], isinstance(json.load(response), (dict, list))])
    request = urllib.request.Request(f"{ORIGIN}/headers", headers={"X-Asked": "yes"})
    with urllib.request.urlopen(request) as response:
        told.append([response.status, b"yes" in response.read()])
    with urllib.request.urlopen(f"{ORIGIN}/echo", data=b"hello") as response:
        told.append([response.status, response.read().decode()])
    connection = http.client.HTTPConnection(ORIGIN.removeprefix("http://"))
    for path in ["/search?q=verge", "/fail?status=503"]:
        connection.request("GET", path)
        response = connection.getresponse()
        told.append([response.status, b"verge" in response.read()])
    told.append(failure_of(lambda: urllib.request.urlopen(f"{ORIGIN}/fail?status=503")))
    told.append(failure_of(lambda: urllib.request.urlopen("https://example.com/")))
    told.append(failure_of(lambda: urllib.request.urlopen(f"{ORIGIN}/slow?ms=5000", timeout=0.05)))
    return {"status": "200", "body": json.dumps(told)}
