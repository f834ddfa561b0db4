"""Optuna: TPE with its Hyperband pruner, a database, failed trials tried again.

python by_optuna.py DATA OUT TRIALS EPOCHS
"""

import sys
from pathlib import Path

import keras
import optuna
from net import net
from optuna.storages import RDBStorage, RetryFailedTrialCallback
from optuna.trial import TrialState
from patches import load

data, out, trials, epochs = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
out.mkdir(parents=True, exist_ok=True)
train, valid, test = (load(data, split) for split in ("train", "valid", "test"))


class Report(keras.callbacks.Callback):
    def __init__(self, trial):
        super().__init__()
        self.trial = trial

    def on_epoch_end(self, epoch, logs=None):
        self.trial.report(logs["val_auc"], epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def objective(trial):
    keras.utils.set_random_seed(0)
    model = net(
        train[0].shape[1:],
        width=trial.suggest_int("width", 4, 32, log=True),
        depth=trial.suggest_int("depth", 1, 3),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
    )
    rate = trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True)
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.AUC(from_logits=True, name="auc")],
    )
    history = model.fit(
        *train, batch_size=32, epochs=epochs, validation_data=valid, callbacks=[Report(trial)], verbose=0
    )
    model.save(out / f"{trial.number}.keras")
    return history.history["val_auc"][-1]


storage = RDBStorage(
    f"sqlite:///{out / 'study.db'}",
    heartbeat_interval=1,
    grace_period=2,
    failed_trial_callback=RetryFailedTrialCallback(max_retry=3),
)
study = optuna.create_study(
    study_name="small",
    storage=storage,
    direction="maximize",
    load_if_exists=True,
    pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs),
)
done = [trial for trial in study.trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
study.optimize(objective, n_trials=trials - len(done))
best = keras.models.load_model(out / f"{study.best_trial.number}.keras")
print(study.best_params, best.evaluate(*test, verbose=0, return_dict=True))
