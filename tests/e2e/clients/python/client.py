"""Reads questions from standard input, one JSON object a line, asks the OFREP server at argv[1] (with the SDK key argv[2], if
there is one) through the Python provider of OpenFeature, and writes one JSON object a line.

A question: {"type", "flag", "default", "context"}. An answer: {"value", "variant", "reason", "error", "metadata"}.
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext


def main() -> None:
    base_url, *keys = sys.argv[1:]
    headers = {"X-API-Key": keys[0]} if keys else {}
    api.set_provider(OFREPProvider(base_url, headers_factory=lambda: headers))
    client = api.get_client()
    ask = {
        "boolean": client.get_boolean_details,
        "string": client.get_string_details,
        "integer": client.get_integer_details,
        "number": client.get_float_details,
        "object": client.get_object_details,
    }
    for line in sys.stdin:
        question = json.loads(line)
        members = dict(question["context"])
        context = EvaluationContext(members.pop("targetingKey", None), members)
        details = ask[question["type"]](question["flag"], question["default"], context)
        answer = {
            "value": details.value,
            "variant": details.variant,
            "reason": details.reason,
            "error": details.error_code.value if details.error_code else None,
            "metadata": dict(details.flag_metadata),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
