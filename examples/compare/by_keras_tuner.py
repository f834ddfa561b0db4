"""KerasTuner: Bayesian optimization.

python by_keras_tuner.py DATA OUT TRIALS EPOCHS
"""

import sys

import keras
import keras_tuner
from net import net
from patches import load

data, out, trials, epochs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
train, valid, test = (load(data, split) for split in ("train", "valid", "test"))


def build(settings):
    model = net(
        train[0].shape[1:],
        width=settings.Int("width", 4, 32, sampling="log"),
        depth=settings.Int("depth", 1, 3),
        dropout=settings.Float("dropout", 0.0, 0.5),
    )
    rate = settings.Float("learning_rate", 1e-3, 1e-1, sampling="log")
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.AUC(from_logits=True, name="auc")],
    )
    return model


tuner = keras_tuner.BayesianOptimization(
    build,
    keras_tuner.Objective("val_auc", "max"),
    max_trials=trials,
    seed=0,
    directory=out,
    project_name="small",
    overwrite=False,
)
tuner.search(*train, batch_size=32, epochs=epochs, validation_data=valid, verbose=0)
best = tuner.get_best_models(1)[0]
best.save(f"{out}/best.keras")
print(tuner.get_best_hyperparameters(1)[0].values, best.evaluate(*test, verbose=0, return_dict=True))
