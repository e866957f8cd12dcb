"""Loads the payload from the host argv[1] with the client key argv[2] through GrowthBook's own Python SDK, reads visitors from
standard input, the attributes of one a line, and writes for each the values of all features and the variations, as JSON.
"""

import json
import sys

from growthbook import GrowthBook


def main() -> None:
    api_host, client_key = sys.argv[1:]
    growthbook = GrowthBook(api_host=api_host, client_key=client_key)
    growthbook.load_features()
    keys = sorted(growthbook.get_features())
    for line in sys.stdin:
        growthbook.set_attributes(json.loads(line))
        answers = {}
        for key in keys:
            result = growthbook.eval_feature(key)
            experiment = result.experimentResult
            answers[key] = [result.value, experiment.variationId if experiment and experiment.inExperiment else None]
        print(json.dumps(answers))


if __name__ == "__main__":
    main()
