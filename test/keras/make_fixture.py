#!/usr/bin/env python3
"""Ten steps of the lesson's CNN in Keras, as a fixture that Convoy's training is compared with.

    npx tsx test/keras/dump-inputs.ts /tmp/keras-inputs
    python3 test/keras/make_fixture.py /tmp/keras-inputs test/fixtures      (pip install tensorflow-cpu==2.21.0)

Writes keras-10-steps.json (versions, losses, norms) and keras-10-steps.bin (every STRIDE-th parameter after the last step,
float32 little-endian, in the order of Convoy's flat vector).
"""
import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from keras.models import Model

inputs, outputs = Path(sys.argv[1]), Path(sys.argv[2])
run = json.loads((inputs / 'run.json').read_text())
table = json.loads((inputs / 'tensors.json').read_text())
batch, steps, stride = run['batchSize'], run['steps'], run['stride']


def lesson_cnn():
    """The lesson's layers; its dropout is there, and off (training=False)."""
    image = Input(shape=(32, 32, 3))
    x = Conv2D(filters=32, kernel_size=(3, 3), padding='same', activation='relu')(image)
    x = Conv2D(filters=32, kernel_size=(3, 3), padding='same', activation='relu')(x)
    x = MaxPooling2D(pool_size=(2, 2))(x)
    x = Conv2D(filters=64, kernel_size=(3, 3), padding='same', activation='relu')(x)
    x = Conv2D(filters=64, kernel_size=(3, 3), padding='same')(x)
    x = Activation('relu')(x)
    x = MaxPooling2D(pool_size=2)(x)
    x = Conv2D(filters=128, kernel_size=(3, 3), padding='same', activation='relu')(x)
    x = Conv2D(filters=128, kernel_size=(3, 3), padding='same', activation='relu')(x)
    x = MaxPooling2D(pool_size=2)(x)
    x = Flatten(name='flatten')(x)
    x = Dropout(rate=0.5)(x)
    x = Dense(300, activation='relu', name='fc1')(x)
    x = Dropout(rate=0.3)(x)
    return Model(inputs=image, outputs=Dense(10, activation='softmax', name='output')(x))


model = lesson_cnn()
flat = np.fromfile(inputs / 'initial.bin', dtype='<f4')
model.set_weights([flat[t['offset']:t['offset'] + t['size']].reshape(t['shape']) for t in table])
images = np.array(np.fromfile(inputs / 'images.bin', dtype=np.uint8).reshape(-1, 32, 32, 3) / 255.0, dtype=np.float32)
labels = np.fromfile(inputs / 'labels.bin', dtype=np.uint8).astype(np.float32)

optimizer = keras.optimizers.Adam()
losses = []
for step in range(steps):
    part = slice(step * batch, (step + 1) * batch)
    with tf.GradientTape() as tape:
        predictions = model(images[part], training=False)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels[part], predictions))
    optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    losses.append(float(loss))

final = np.concatenate([w.reshape(-1) for w in model.get_weights()]).astype('<f4')
norm = lambda x: float(np.linalg.norm(x.astype(np.float64)))
fixture = {
    'keras': keras.__version__,
    'tensorflow': tf.__version__,
    'run': run,
    'losses': losses,
    'tensors': {t['name']: norm(final[t['offset']:t['offset'] + t['size']]) for t in table},
    'moved': norm(final - flat),
    'parameters': len(final),
}
(outputs / 'keras-10-steps.json').write_text(json.dumps(fixture, indent=2) + '\n')
(outputs / 'keras-10-steps.bin').write_bytes(final[::stride].tobytes())
print(json.dumps(fixture['losses']))
