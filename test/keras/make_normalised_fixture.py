#!/usr/bin/env python3
"""One training-mode pass of `lesson-bn` in Keras, as a fixture that Convoy's gradient and statistics are compared with.

    npx tsx test/keras/dump-inputs.ts /tmp/keras-bn lesson-bn
    python3 test/keras/make_normalised_fixture.py /tmp/keras-bn test/fixtures    (pip install tensorflow-cpu==2.21.0)

Writes keras-lesson-bn.bin: every STRIDE-th slope of the mean loss, in the order of Convoy's flat vector, then every moving
statistic after the pass (float32 little-endian); and keras-lesson-bn.json: the loss and what it was computed on. Dropout is
left out, as Keras draws other masks.

A relu and a maximum have a kink, where rounding decides which slope they have: one unit on the other side of it changes every
slope before it by some thousandths. So the samples are chosen, out of those there are, whose units keep the largest distance
from their kinks.
"""
import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

SAMPLES = 2
STRIDE = 97


def lesson_bn():
    x = image = keras.Input(shape=(32, 32, 3))
    for index, filters in enumerate((32, 32, 64, 64, 128, 128)):
        number = f'_{index}' if index else ''
        x = layers.Conv2D(filters, 3, padding='same', use_bias=False, name=f'conv2d{number}')(x)
        x = layers.BatchNormalization(name=f'batch_normalization{number}')(x)
        x = layers.Activation('relu')(x)
        if index in (1, 3):
            x = layers.MaxPooling2D(2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(300, activation='relu', name='fc1')(x)
    return keras.Model(image, layers.Dense(10, activation='softmax', name='output')(x))


def margin(model, batch):
    """How near the nearest unit comes to a kink: a relu's input to 0, or a window's two greatest values to each other."""
    relus = [layer for layer in model.layers if isinstance(layer, layers.Activation)]
    pools = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
    outputs = [layer.input for layer in relus], [layer.input for layer in pools]
    before, windows = keras.Model(model.input, outputs)(batch, training=True)
    hidden = model.get_layer('fc1')
    pooled = keras.Model(model.input, hidden.input)(batch, training=True)
    nearest = [np.abs(np.asarray(x)).min() for x in [*before, pooled @ hidden.kernel + hidden.bias]]
    for x in windows:
        n, height, width, channels = x.shape
        tiles = np.asarray(x).reshape(n, height // 2, 2, width // 2, 2, channels).transpose(0, 1, 3, 5, 2, 4)
        second, first = np.sort(tiles.reshape(-1, 4), axis=1)[:, 2:].T
        nearest.append((first - second)[first > 0].min())
    return min(nearest)


def main(inputs, outputs):
    run = json.loads((inputs / 'run.json').read_text())
    table = json.loads((inputs / 'tensors.json').read_text())
    flat = np.fromfile(inputs / 'initial.bin', dtype='<f4')
    pixels = np.fromfile(inputs / 'images.bin', dtype=np.uint8).reshape(-1, 32, 32, 3)
    labels = np.fromfile(inputs / 'labels.bin', dtype=np.uint8)

    model = lesson_bn()
    variables = [getattr(model.get_layer(layer), part) for layer, part in (t['name'].split('/') for t in table)]
    for variable, t in zip(variables, table):
        variable.assign(flat[t['offset']:t['offset'] + t['size']].reshape(t['shape']))
    trained = [variable for variable, t in zip(variables, table) if 'momentum' not in t]
    statistics = variables[len(trained):]

    images = np.array(pixels / 255.0, dtype=np.float32)
    at = lambda first: slice(first, first + SAMPLES)
    # A pass moves the statistics: the margins are taken by models that share the layers, so all start anew afterwards.
    before = [variable.numpy() for variable in statistics]
    margins = {first: margin(model, images[at(first)]) for first in range(0, len(images), SAMPLES)}
    for variable, value in zip(statistics, before):
        variable.assign(value)
    first = max(margins, key=margins.get)

    with tf.GradientTape() as tape:
        predictions = model(images[at(first)], training=True)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels[at(first)], predictions))
    slopes = tape.gradient(loss, [variable.value for variable in trained])
    flatten = lambda tensors: np.concatenate([np.asarray(tensor).reshape(-1) for tensor in tensors]).astype('<f4')
    values = np.concatenate([flatten(slopes)[::STRIDE], flatten(statistics)])
    (outputs / 'keras-lesson-bn.bin').write_bytes(values.tobytes())
    fixture = {
        'keras': keras.__version__, 'tensorflow': tf.__version__,
        'seed': run['seed'], 'first': first, 'samples': SAMPLES, 'margin': float(margins[first]), 'stride': STRIDE, 'loss': float(loss),
    }
    (outputs / 'keras-lesson-bn.json').write_text(json.dumps(fixture, indent=2) + '\n')


main(Path(sys.argv[1]), Path(sys.argv[2]))
