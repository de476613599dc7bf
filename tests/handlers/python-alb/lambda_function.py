"""Handlers in the place of an origin, one for each first part of the path."""
import base64
import errno
import json
import os
import tempfile
from urllib.parse import parse_qs, unquote


def answer(status, content, **headers):
    return {"statusCode": status, "headers": {"content-type": "application/json", **headers}, "body": json.dumps(content)}


def content_of(event):
    body = event["body"]
    return base64.b64decode(body).decode() if event["isBase64Encoded"] else body


def notes(event):
    """Kept in a file of the environment."""
    path = os.path.join(tempfile.gettempdir(), "notes.jsonl")
    if event["httpMethod"] == "POST":
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(content_of(event)) + "\n")
    try:
        with open(path, encoding="utf-8") as file:
            return answer(200, [json.loads(line) for line in file])
    except FileNotFoundError:
        return answer(404, [])


def form(event):
    fields = parse_qs(content_of(event))
    if "name" not in fields:
        return answer(422, {"error": "a name is missing"})
    return answer(303, fields, location=f"/thanks?name={fields['name'][0]}")


def greet(event):
    name = unquote(event["queryStringParameters"].get("name", "world"))
    return {"statusCode": "200", "statusDescription": "200 OK", "body": f"Hello, {name}!"}


def image(event):
    pixel = bytes.fromhex("47494638396101000100800000ff000000000021f90400000000002c00000000010001000002024401003b")
    return {
        "statusCode": 200, "headers": {"content-type": "image/gif"}, "isBase64Encoded": True,
        "body": base64.b64encode(pixel).decode(),
    }


def full(event):
    """Fills the disk, and makes room again."""
    with tempfile.TemporaryFile() as file:
        block = bytes(1 << 20)
        try:
            for count in range(1024):
                file.write(block)
                file.flush()
        except OSError as error:
            return answer(507, {"error": errno.errorcode[error.errno], "MiB": count})
    return answer(200, {})


def fails(event):
    raise LookupError(event["path"])


JOBS = {job.__name__: job for job in (notes, form, greet, image, full, fails)}


def lambda_handler(event, context):
    assert event["requestContext"]["elb"]["targetGroupArn"].startswith("arn:aws:elasticloadbalancing:")
    job = JOBS.get(event["path"].split("/")[1])
    return job(event) if job else answer(404, {"error": event["path"]})
