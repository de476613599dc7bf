"""Answers in place of an origin, with the event of an Application Load Balancer.

The edge stores the answer as it would an origin's.
"""
import json
import re


def answer(status, content, **headers):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **headers},
        "body": json.dumps(content, separators=(",", ":")),
    }


def lambda_handler(event, context):
    if event["path"] != "/hello":
        return answer(404, {"error": "there is nothing here"})
    if event["httpMethod"] not in ("GET", "HEAD"):
        return answer(405, {"error": "use GET"}, allow="GET, HEAD")
    # Query strings arrive as they were sent, not decoded.
    name = event["queryStringParameters"].get("name", "world")
    if not re.fullmatch("[A-Za-z]{1,40}", name):
        return answer(400, {"error": "name must have 1 to 40 letters"})
    return answer(200, {"message": f"Hello, {name}!"}, **{"cache-control": "max-age=60"})
