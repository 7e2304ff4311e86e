"""Runs the Python that docs/export.md shows on exports, and says what came out.

    python test/keras/open_exports.py docs/export.md FOLDER...

Each FOLDER has model.keras, model.weights.h5, model.safetensors and pixels.bin: uint8 images of shape [N, 32, 32, 3]. Prints a
line of JSON: for each folder, for each block, the probabilities, or null for a block that this Python lacks a package for.
"""

import importlib.util
import json
import os
import pathlib
import re
import sys

import numpy


def blocks(page):
    """The page's Python, by the name of the file that each block opens."""
    sources = re.findall(r"```python\n(.*?)```", pathlib.Path(page).read_text(), re.DOTALL)
    return {re.search(r"'(model\.[\w.]+)'", source).group(1): source for source in sources}


def run(source, scope):
    if "safetensors" in source and importlib.util.find_spec("safetensors") is None:
        return None
    # What the block before has left must not be what this one is judged by.
    for weight in scope["model"].weights if "model" in scope else []:
        weight.assign(weight * 0)
    exec(source, scope)
    return scope["probabilities"].tolist()


def main(page, *folders):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    sources = blocks(page)
    outcome = {}
    for folder in folders:
        os.chdir(folder)
        scope = {"pixels": numpy.fromfile("pixels.bin", "uint8").reshape(-1, 32, 32, 3)}
        # The lesson's own code builds the lesson's CNN only.
        is_lesson = pathlib.Path(folder).name == "lesson-cnn"
        outcome[folder] = {
            name: run(source, scope) for name, source in sources.items() if is_lesson or "lesson_cnn" not in source
        }
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*map(os.path.abspath, sys.argv[1:]))
