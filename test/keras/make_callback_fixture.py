#!/usr/bin/env python3
"""Keras's callbacks on given sequences of figures, for Convoy's to be compared with.

    python3 test/keras/make_callback_fixture.py test/fixtures      (pip install tensorflow-cpu==2.21.0)

Writes keras-callbacks.json. `settings` is Convoy's own configuration; the constructor's arguments made of it say the same to Keras.
"""
import json
import os
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras.callbacks import EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau

RATE = 1e-3
NAN = float('nan')

# Figures as they come, with a plateau, a relapse, ties, steps of just the least difference, and what is not a number.
FALLING = [1, 0.9, 0.8, 0.8, 0.8, 0.79, 0.7, 0.75, 0.72, 0.71, 0.71, 0.705, 0.6999, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]
RISING = [0.1, 0.2, 0.3, 0.3, 0.31, 0.4, 0.35, 0.39, 0.4, 0.4, 0.41, 0.4, 0.42, 0.42, 0.42, 0.42, 0.42, 0.42, 0.42, 0.42]
WORSE = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.4]
BROKEN = [1, 0.9, NAN, 0.8, NAN, NAN, 0.7, float('inf'), 0.7, 0.7, 0.7, 0.7]
BROKEN_FIRST = [NAN, 0.9, 0.8, 0.7, 0.6, 0.5]
NOISE = np.random.default_rng(3).normal(1, 0.1, 40).tolist()

EARLY_STOPPING = [
    ({}, FALLING),
    ({'patience': 1}, FALLING),
    ({'patience': 3}, FALLING),
    ({'patience': 3, 'minDelta': 0.1}, FALLING),
    ({'patience': 2, 'minDelta': 0.005}, FALLING),
    ({'patience': 3, 'monitor': 'val_accuracy'}, RISING),
    ({'patience': 2, 'monitor': 'val_accuracy', 'minDelta': 0.1}, RISING),
    ({'patience': 3, 'mode': 'max'}, RISING),
    ({'patience': 3, 'monitor': 'accuracy', 'mode': 'min'}, FALLING),
    ({'patience': 0}, WORSE),
    ({'patience': 4, 'baseline': 0.75}, FALLING),
    ({'patience': 8, 'baseline': 0.75}, FALLING),
    ({'patience': 3, 'baseline': 0.1}, FALLING),
    ({'patience': 1, 'startFromEpoch': 5}, FALLING),
    ({'patience': 2, 'startFromEpoch': 3}, WORSE),
    ({'patience': 2}, BROKEN),
    ({'patience': 5}, BROKEN),
    ({'patience': 3}, BROKEN_FIRST),
    ({'patience': 7}, NOISE),
]
REDUCE_LR_ON_PLATEAU = [
    ({'patience': 1}, FALLING),
    ({'patience': 2, 'factor': 0.5}, FALLING),
    ({'patience': 0, 'factor': 0.5}, WORSE),
    ({'patience': 2, 'factor': 0.5, 'minDelta': 0}, FALLING),
    ({'patience': 2, 'factor': 0.5, 'minDelta': 0.1}, FALLING),
    ({'patience': 1, 'factor': 0.5, 'cooldown': 2}, WORSE),
    ({'patience': 2, 'factor': 0.5, 'cooldown': 1}, FALLING),
    ({'patience': 2, 'factor': 0.5, 'cooldown': 3}, NOISE),
    ({'patience': 1, 'minLR': 1e-5}, WORSE),
    ({'patience': 2, 'minLR': 5e-5, 'cooldown': 1}, WORSE),
    ({'patience': 2, 'monitor': 'val_accuracy', 'factor': 0.9}, RISING),
    ({'patience': 1, 'mode': 'max'}, RISING),
    ({'patience': 1, 'factor': 0.5}, BROKEN),
    ({'patience': 1, 'factor': 0.5}, BROKEN_FIRST),
    ({}, NOISE),
]
MODEL_CHECKPOINT = [
    ({'monitor': 'val_loss', 'saveBestOnly': True}, FALLING),
    ({'monitor': 'val_loss', 'saveBestOnly': True}, BROKEN),
    ({'monitor': 'val_loss', 'saveBestOnly': True}, BROKEN_FIRST),
    ({'monitor': 'val_accuracy', 'saveBestOnly': True}, RISING),
    ({'monitor': 'val_loss', 'mode': 'max', 'saveBestOnly': True}, RISING),
    ({'monitor': 'val_loss', 'saveBestOnly': False}, FALLING),
]
SCHEDULES = {'halved every other epoch': lambda epoch, rate: rate if epoch % 2 else rate / 2}

NAMES = {
    'minDelta': 'min_delta',
    'restoreBestWeights': 'restore_best_weights',
    'startFromEpoch': 'start_from_epoch',
    'minLR': 'min_lr',
    'saveBestOnly': 'save_best_only',
}


def small_model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name='weight', use_bias=False)])
    model.compile(keras.optimizers.SGD(RATE), 'mse', metrics=['accuracy'])
    # What `auto` goes by is there after the first batch.
    model.train_on_batch(np.ones((1, 1)), np.ones((1, 1)))
    return model


def show(make, settings, figures, look):
    """Shows the figures to a callback as `fit` does; the model's one weight says whose parameters it holds."""
    model = small_model()
    model.optimizer.learning_rate = RATE
    callback = make(**{NAMES.get(name, name): value for name, value in settings.items()})
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    seen = []
    for epoch, value in enumerate(figures):
        model.set_weights([np.array([[epoch]], np.float32)])
        callback.on_epoch_begin(epoch, {})
        callback.on_epoch_end(epoch, {settings.get('monitor', 'val_loss'): value})
        seen.append(look(model, epoch))
        if model.stop_training:
            break
    callback.on_train_end()
    return seen, int(round(float(model.get_weights()[0][0][0])))


def early_stopping(settings, figures):
    def make(**arguments):
        return EarlyStopping(**arguments, restore_best_weights=True)

    seen, best = show(make, settings, figures, lambda model, _: model.stop_training)
    stopped = len(seen) - 1 if seen[-1] else None
    return {'settings': settings, 'figures': named(figures), 'stoppedAfter': stopped, 'bestEpoch': best}


def plateau(settings, figures):
    rate = lambda model, _: float(str(np.float32(model.optimizer.learning_rate.numpy())))
    seen, _ = show(ReduceLROnPlateau, settings, figures, rate)
    return {'settings': settings, 'figures': named(figures), 'rates': seen}


def checkpoint(settings, figures):
    with tempfile.TemporaryDirectory() as folder:
        make = lambda **arguments: ModelCheckpoint(os.path.join(folder, '{epoch}.keras'), **arguments)
        seen, _ = show(make, settings, figures, lambda _, epoch: os.path.exists(os.path.join(folder, f'{epoch + 1}.keras')))
    return {'settings': settings, 'figures': named(figures), 'saved': seen}


def schedule(name, function, epochs=8):
    model = small_model()
    model.optimizer.learning_rate = RATE
    callback = LearningRateScheduler(function)
    callback.set_model(model)
    rates = []
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        rates.append(float(str(np.float32(model.optimizer.learning_rate.numpy()))))
    return {'name': name, 'rates': rates}


def named(figures):
    """JSON has no word for what is not finite."""
    return [value if np.isfinite(value) else {'nan': 'NaN', 'inf': 'Infinity'}[str(value)] for value in figures]


def main(outputs):
    fixture = {
        'keras': keras.__version__,
        'rate': RATE,
        'earlyStopping': [early_stopping(*case) for case in EARLY_STOPPING],
        'reduceLROnPlateau': [plateau(*case) for case in REDUCE_LR_ON_PLATEAU],
        'modelCheckpoint': [checkpoint(*case) for case in MODEL_CHECKPOINT],
        'learningRateScheduler': [schedule(*case) for case in SCHEDULES.items()],
    }
    stopped = [case['stoppedAfter'] for case in fixture['earlyStopping']]
    assert None in stopped and len(set(stopped)) > 6
    assert sum(len(set(case['rates'])) > 1 for case in fixture['reduceLROnPlateau']) > 8
    (outputs / 'keras-callbacks.json').write_text(json.dumps(fixture, indent=1) + '\n')


main(Path(sys.argv[1]))
