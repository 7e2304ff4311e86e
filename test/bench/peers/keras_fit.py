"""Keras `fit` of the lesson's CNN in one process: images per second, as a line of JSON.

    python keras_fit.py --batch 256 --steps 40 --threads 2
"""
import argparse
import json
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument('--batch', type=int, default=256)
parser.add_argument('--steps', type=int, default=40)
parser.add_argument('--warm', type=int, default=5, help='steps before those that are timed')
parser.add_argument('--threads', type=int, default=os.cpu_count())
options = parser.parse_args()
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import keras
import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[2] / 'keras'))
from lesson_cnn import lesson_cnn

tf.config.threading.set_intra_op_parallelism_threads(options.threads)
keras.utils.set_random_seed(1)
images = np.random.default_rng(1).random((options.batch * options.steps, 32, 32, 3), dtype=np.float32)
labels = np.random.default_rng(2).integers(0, 10, len(images)).astype(np.float32)
model = lesson_cnn()
model.compile(loss='sparse_categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
warm = options.warm * options.batch
model.fit(images[:warm], labels[:warm], batch_size=options.batch, verbose=0)
start = time.perf_counter()
model.fit(images, labels, batch_size=options.batch, verbose=0)
print(json.dumps({'samplesPerSecond': len(images) / (time.perf_counter() - start), 'version': keras.__version__}))
