#!/usr/bin/env python3
"""Ten steps of the lesson's CNN in Keras, as a fixture that Convoy's training is compared with.

    npx tsx test/keras/dump-inputs.ts /tmp/keras-inputs
    python3 test/keras/make_fixture.py /tmp/keras-inputs test/fixtures      (pip install tensorflow-cpu==2.21.0)

For each learning rate, writes every STRIDE-th parameter after the last step (float32 little-endian, in the order of
Convoy's flat vector), and to keras-10-steps.json the losses and how far Keras lies from itself on another thread count.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from lesson_cnn import lesson_cnn

LEARNING_RATES = {'1e-5': 'keras-10-steps-1e-5.bin', '1e-3': 'keras-10-steps-1e-3.bin'}


def train(inputs, learning_rate, threads, result):
    """One training in a process of its own (TensorFlow takes its threads once), written to `result` as an .npz."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    run = json.loads((inputs / 'run.json').read_text())
    table = json.loads((inputs / 'tensors.json').read_text())
    model = lesson_cnn()
    flat = np.fromfile(inputs / 'initial.bin', dtype='<f4')
    model.set_weights([flat[t['offset']:t['offset'] + t['size']].reshape(t['shape']) for t in table])
    pixels = np.fromfile(inputs / 'images.bin', dtype=np.uint8).reshape(-1, 32, 32, 3)
    images = np.array(pixels / 255.0, dtype=np.float32)
    labels = np.fromfile(inputs / 'labels.bin', dtype=np.uint8).astype(np.float32)

    optimizer = keras.optimizers.Adam(learning_rate=learning_rate)
    losses = []
    for step in range(run['steps']):
        part = slice(step * run['batchSize'], (step + 1) * run['batchSize'])
        with tf.GradientTape() as tape:
            predictions = model(images[part], training=False)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels[part], predictions))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        losses.append(float(loss))
    final = np.concatenate([w.reshape(-1) for w in model.get_weights()]).astype('<f4')
    np.savez(result, final=final, losses=np.array(losses), keras=keras.__version__, tensorflow=tf.__version__)


def train_elsewhere(inputs, learning_rate, threads):
    result = inputs / f'result-{learning_rate}-{threads}.npz'
    subprocess.run([sys.executable, __file__, '--train', inputs, learning_rate, str(threads), result], check=True)
    return np.load(result)


def main(inputs, outputs):
    run = json.loads((inputs / 'run.json').read_text())
    runs = []
    for learning_rate, file in LEARNING_RATES.items():
        one, two = (train_elsewhere(inputs, learning_rate, threads) for threads in (1, 2))
        a, b = (result['final'].astype(np.float64) for result in (one, two))
        (outputs / file).write_bytes(one['final'][::run['stride']].tobytes())
        runs.append({
            'learningRate': float(learning_rate),
            'losses': one['losses'].tolist(),
            'ownSpread': float(np.linalg.norm(a - b) / np.linalg.norm(a)),
            'file': file,
        })
    fixture = {'keras': str(one['keras']), 'tensorflow': str(one['tensorflow']), 'run': run, 'runs': runs}
    (outputs / 'keras-10-steps.json').write_text(json.dumps(fixture, indent=2) + '\n')


if sys.argv[1] == '--train':
    train(Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
else:
    main(Path(sys.argv[1]), Path(sys.argv[2]))
