#!/usr/bin/env python3
"""Keras's optimizers on a small vector with given gradients, and its schedules, for Convoy's to be compared with.

    python3 test/keras/make_optimizer_fixture.py test/fixtures      (pip install tensorflow-cpu==2.21.0)

Writes keras-optimizers.json. `settings` and `schedule` are Convoy's own configuration; the constructor's arguments here say the
same to Keras.
"""
import json
import math
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers import Adam, AdamW, RMSprop, SGD
from keras.optimizers.schedules import CosineDecay, ExponentialDecay, PiecewiseConstantDecay

LENGTH = 7
STEPS = 20
# Of some steps the gradient is longer than 1 and of some it is not, so that clipping does both.
CLIP_NORM = 1

OPTIMIZERS = [
    ('adam', {}, Adam(0.001)),
    ('adam', {'weightDecay': 0.1, 'clipNorm': CLIP_NORM}, Adam(0.001, weight_decay=0.1, global_clipnorm=CLIP_NORM)),
    ('adam', {'beta1': 0.8, 'beta2': 0.9, 'epsilon': 1e-3}, Adam(0.001, beta_1=0.8, beta_2=0.9, epsilon=1e-3)),
    ('adamw', {}, AdamW(0.001)),
    ('adamw', {'weightDecay': 0.5}, AdamW(0.001, weight_decay=0.5)),
    ('sgd', {}, SGD(0.01)),
    ('sgd', {'momentum': 0.9}, SGD(0.01, momentum=0.9)),
    ('sgd', {'momentum': 0.9, 'nesterov': True}, SGD(0.01, momentum=0.9, nesterov=True)),
    (
        'sgd',
        {'momentum': 0.9, 'nesterov': True, 'weightDecay': 0.1, 'clipNorm': CLIP_NORM},
        SGD(0.01, momentum=0.9, nesterov=True, weight_decay=0.1, global_clipnorm=CLIP_NORM),
    ),
    ('rmsprop', {}, RMSprop(0.001)),
    ('rmsprop', {'rho': 0.8, 'momentum': 0.9}, RMSprop(0.001, rho=0.8, momentum=0.9)),
    ('rmsprop', {'centered': True}, RMSprop(0.001, centered=True)),
    (
        'rmsprop',
        {'momentum': 0.5, 'centered': True, 'weightDecay': 0.1, 'clipNorm': CLIP_NORM},
        RMSprop(0.001, momentum=0.5, centered=True, weight_decay=0.1, global_clipnorm=CLIP_NORM),
    ),
]

BASE = 0.1
TOTAL_STEPS = 40
SCHEDULES = [
    (
        {'name': 'step', 'boundaries': [10, 25], 'decayRate': 0.5},
        PiecewiseConstantDecay([10, 25], [BASE, BASE * 0.5, BASE * 0.25]),
    ),
    (
        {'name': 'exponential', 'decaySteps': 10, 'decayRate': 0.9, 'staircase': False},
        ExponentialDecay(BASE, decay_steps=10, decay_rate=0.9),
    ),
    (
        {'name': 'exponential', 'decaySteps': 10, 'decayRate': 0.9, 'staircase': True},
        ExponentialDecay(BASE, decay_steps=10, decay_rate=0.9, staircase=True),
    ),
    ({'name': 'cosine', 'decaySteps': None, 'alpha': 0}, CosineDecay(BASE, decay_steps=TOTAL_STEPS)),
    ({'name': 'cosine', 'decaySteps': 30, 'alpha': 0.1}, CosineDecay(BASE, decay_steps=30, alpha=0.1)),
    (
        {'name': 'cosine', 'warmup': 8, 'decaySteps': None, 'alpha': 0},
        CosineDecay(0.0, decay_steps=TOTAL_STEPS - 8, warmup_target=BASE, warmup_steps=8),
    ),
]


def numbers(values):
    """float32 values in the fewest digits that give them back."""
    return [float(str(np.float32(value))) for value in values]


def train(optimizer, initial, gradients):
    variable = tf.Variable(initial)
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient)], [variable])
    return numbers(variable.numpy())


def main(outputs):
    rng = np.random.default_rng(1)
    initial = rng.uniform(-0.5, 0.5, LENGTH).astype(np.float32)
    # Over some decades, with a drift, as gradients have.
    scales = (10.0 ** -np.arange(LENGTH)).astype(np.float32)
    gradients = (rng.normal(0.3, 1, (STEPS, LENGTH)) * scales).astype(np.float32)
    norms = np.linalg.norm(gradients, axis=1)
    assert norms.min() < CLIP_NORM < norms.max()
    fixture = {
        'keras': keras.__version__,
        'tensorflow': tf.__version__,
        'initial': numbers(initial),
        'gradients': [numbers(gradient) for gradient in gradients],
        'optimizers': [
            {'name': name, 'settings': settings, 'final': train(optimizer, initial, gradients)}
            for name, settings, optimizer in OPTIMIZERS
        ],
        'base': BASE,
        'totalSteps': TOTAL_STEPS,
        'schedules': [
            {'schedule': schedule, 'rates': numbers(float(keras_schedule(step)) for step in range(TOTAL_STEPS + 5))}
            for schedule, keras_schedule in SCHEDULES
        ],
    }
    assert all(math.isfinite(value) for optimizer in fixture['optimizers'] for value in optimizer['final'])
    (outputs / 'keras-optimizers.json').write_text(json.dumps(fixture, indent=1) + '\n')


main(Path(sys.argv[1]))
