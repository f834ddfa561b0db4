"""Two-stage hyper-parameter optimization for image classifiers."""
