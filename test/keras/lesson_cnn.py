"""The lesson's CNN, as the lesson writes it."""


def lesson_cnn():
    """904,718 parameters; dropout is on while `fit` trains."""
    from keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
    from keras.models import Model

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
