#!/bin/bash
# `./dev demo`: see demo.py.
exec python3 "$(dirname "$0")/demo.py" "$@"
