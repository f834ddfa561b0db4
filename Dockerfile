# One image for worker, optuna-dashboard and report page:  docker compose build
# With CUDA for GPU workers:                               docker compose --profile gpu build
# What seldom changes comes first, so that an edit of our code reinstalls nothing else.
ARG VARIANT=cpu

FROM python:3.12-slim AS cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# requirements.lock pins for developers as well (a browser, a PostgreSQL server, Ray). `make lock` draws this second
# lock from it: the same pins and hashes, only of what runs here.
COPY requirements-image.lock /opt/hpo/
RUN pip install --require-hashes --requirement /opt/hpo/requirements-image.lock

FROM cpu AS gpu
# CUDA's wheels (3 GB) are in no lock: TensorFlow, which the lock pins, says which versions go with it.
RUN pip install "tensorflow[and-cuda]"

FROM ${VARIANT}
# The home folder is in memory: the root file system is read-only, and Keras and CUDA want to keep small files.
ENV HOME=/tmp PYTHONUNBUFFERED=1
# Named volumes take over these folders' owner.
RUN useradd --no-create-home --home-dir /tmp --uid 10001 --user-group hpo \
    && install --directory --owner=hpo --group=hpo /app/runs /app/data
COPY pyproject.toml README.md LICENSE /opt/hpo/
COPY hpo/ /opt/hpo/hpo/
RUN pip install --no-deps --no-build-isolation /opt/hpo && rm -r /opt/hpo
USER hpo
WORKDIR /app
CMD ["hpo", "--help"]
