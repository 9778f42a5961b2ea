# One image for every service, the topics and the twins: the command says which. Built twice over, so that what is needed
# to build is not in what runs. Images are named by digest: a tag can be given to other bytes.

FROM python:3.11-bookworm@sha256:b99029c95d3d37fb1e4e76d287f7984373dca77c665885986e31b2c95260c13c AS build
WORKDIR /src
COPY requirements.lock ./
# Every file of the lock, its hash checked; from there on nothing is fetched.
RUN python -m pip wheel --quiet --disable-pip-version-check --require-hashes --no-deps --wheel-dir /wheels -r requirements.lock
COPY pyproject.toml README.md LICENSE rollcall.example.toml ./
COPY schemas schemas
COPY shared shared
COPY services services
# Only what the project needs to run, of all that the lock has for tests and laptops.
RUN python -m venv /opt/rollcall \
    && /opt/rollcall/bin/python -m pip install --quiet --disable-pip-version-check --no-index --find-links /wheels .

FROM python:3.11-slim-bookworm@sha256:0bee7276f83efd4a1ee05bbbf4281d95ed28e079220a9457f25a93e3f1e3c31b
ENV PATH=/opt/rollcall/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin rollcall
COPY --from=build /opt/rollcall /opt/rollcall
COPY docker/twins.py /opt/rollcall/twins.py
USER 10001
ENTRYPOINT ["rollcall"]
CMD ["--help"]
