"""The looks of the invented studies' architectures, in the order of their study files."""

from hpo.reports.plot.looks import Looks

LOOKS = Looks(("model1", "model2", "model3", "model4", "mine"))
