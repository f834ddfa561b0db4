"""Ray Tune: ASHA over random settings, a checkpoint each epoch, restored if a run is there.

python by_ray.py DATA OUT TRIALS EPOCHS
"""

import sys
import tempfile
from pathlib import Path

import keras
import ray
from net import net
from patches import load
from ray import tune
from ray.tune.schedulers import ASHAScheduler

data, out = (Path(path).resolve() for path in sys.argv[1:3])  # its workers run elsewhere
trials, epochs = int(sys.argv[3]), int(sys.argv[4])


def compiled(shape, config):
    model = net(shape, config["width"], config["depth"], config["dropout"])
    model.compile(
        keras.optimizers.SGD(config["learning_rate"], momentum=0.9),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.AUC(from_logits=True, name="auc")],
    )
    return model


def training(config):
    keras.utils.set_random_seed(0)
    train, valid = load(data, "train"), load(data, "valid")
    first, checkpoint = 0, tune.get_checkpoint()
    if checkpoint is None:
        model = compiled(train[0].shape[1:], config)
    else:
        with checkpoint.as_directory() as folder:
            model = keras.models.load_model(Path(folder, "model.keras"))
            first = int(Path(folder, "epoch").read_text())
    for epoch in range(first, epochs):
        history = model.fit(
            *train, batch_size=32, initial_epoch=epoch, epochs=epoch + 1, validation_data=valid, verbose=0
        )
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder, "model.keras"))
            Path(folder, "epoch").write_text(str(epoch + 1))
            values = {"auc": history.history["val_auc"][-1], "epoch": epoch + 1}
            tune.report(values, checkpoint=tune.Checkpoint.from_directory(folder))


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False)
    path = out / "small"
    if tune.Tuner.can_restore(str(path)):
        tuner = tune.Tuner.restore(str(path), trainable=training, resume_errored=True)
    else:
        tuner = tune.Tuner(
            training,
            param_space={
                "width": tune.lograndint(4, 33),
                "depth": tune.randint(1, 4),
                "dropout": tune.uniform(0.0, 0.5),
                "learning_rate": tune.loguniform(1e-3, 1e-1),
            },
            tune_config=tune.TuneConfig(
                metric="auc",
                mode="max",
                num_samples=trials,
                scheduler=ASHAScheduler(time_attr="epoch", max_t=epochs, grace_period=1),
            ),
            run_config=tune.RunConfig(name="small", storage_path=str(out)),
        )
    best = tuner.fit().get_best_result()
    with best.checkpoint.as_directory() as folder:
        model = keras.models.load_model(Path(folder, "model.keras"))
    print(best.config, model.evaluate(*load(data, "test"), verbose=0, return_dict=True))
