"""Reads YAML with PyYAML, as Patroni does: a JSON list of texts in, the list of values out."""
import json
import sys

import yaml

# A date or a set is no JSON: shown by its type, so that it equals no text.
json.dump([yaml.safe_load(text) for text in json.load(sys.stdin)], sys.stdout, default=repr)
