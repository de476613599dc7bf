"""Calls a Lambda handler written in Python. Made by `verge build` from a template.

Everything above `Environment` runs when the component is built: what it leaves is part of the component's memory.
"""
import ast
import importlib
import importlib.util
import json
import logging
import os
import random
import sys
import time
import traceback
import types

import verge_network  # before the handler's module and what it imports look at http.client
import wit_world
from componentize_py_types import Err
from wit_world.imports import context, digest

MODULE = "@MODULE@"
HANDLER = "@HANDLER@"


def _prepared():
    """Compiles the handler's module and imports what it imports; the module itself runs in the first call."""
    path = importlib.util.find_spec(MODULE).origin
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), MODULE + ".py")
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                package = importlib.import_module(node.module)
                if hasattr(package, "__path__") and importlib.util.find_spec(inner):
                    names.append(inner)
        for name in names:
            importlib.import_module(name)
    return compile(tree, MODULE + ".py", "exec")


CODE = _prepared()


class _Formatter(logging.Formatter):
    converter = time.gmtime

    def format(self, record):
        record.aws_request_id = context.current().aws_request_id
        return super().format(record)


class Context:
    """Lambda's context object."""

    identity = None
    client_context = None

    def __init__(self, told):
        self.aws_request_id = told.aws_request_id
        self.function_name = told.function_name
        self.function_version = told.function_version
        self.invoked_function_arn = told.invoked_function_arn
        self.memory_limit_in_mb = str(told.memory_limit_in_mb)
        self.log_group_name = told.log_group_name
        self.log_stream_name = told.log_stream_name

    def get_remaining_time_in_millis(self):
        return context.remaining_time_in_millis()


class Environment:
    """What lives as long as the execution environment."""

    handler = None

    @classmethod
    def start(cls):
        os.environ.update(dict(context.environment()))
        os.environ.update({"AWS_EXECUTION_ENV": "AWS_Lambda_python3.13", "LAMBDA_TASK_ROOT": "/var/task"})
        # The generator was seeded when the component was built: every environment would draw the same numbers.
        random.seed(digest.random(32))
        sys.stdout.reconfigure(line_buffering=True)
        lines = logging.StreamHandler(sys.stdout)
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        lines.setFormatter(_Formatter(form, "%Y-%m-%dT%H:%M:%S"))
        logging.getLogger().addHandler(lines)
        module = types.ModuleType(MODULE)
        module.__file__ = f"/var/task/{MODULE}.py"
        sys.modules[MODULE] = module
        exec(CODE, module.__dict__)
        found = getattr(module, HANDLER, None)
        if not callable(found):
            raise RuntimeError(f"Handler '{HANDLER}' missing on module '{MODULE}'")
        cls.handler = staticmethod(found)


class WitWorld(wit_world.WitWorld):
    def handle(self, event_json: str) -> str:
        try:
            if Environment.handler is None:
                Environment.start()
            result = Environment.handler(json.loads(event_json), Context(context.current()))
            return json.dumps(result)
        except SystemExit as error:
            raise Err(f"Runtime.ExitError: Runtime exited with exit status {error.code}") from None
        except BaseException as error:
            kind = type(error).__name__
            trace = "".join(traceback.format_tb(error.__traceback__)[1:])
            print(f"[ERROR] {kind}: {error}\nTraceback (most recent call last):\n{trace}".rstrip())
            raise Err(f"{kind}: {error}") from None
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
