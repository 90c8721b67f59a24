# Every task of the project. `./just` runs a recipe on a machine that has nothing but python3;
# with `just` and `uv` installed, plain `just` does the same. `.ci/run` calls these recipes.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

export PATH := justfile_directory() / ".tools/bin:" + env("PATH")
export UV_PYTHON_DOWNLOADS := "never"
unexport VIRTUAL_ENV
# Set in many container images: each process would compile all that it imports, a third of the tests' CPU.
unexport PYTHONDONTWRITEBYTECODE

integrations := "dagster prefect airflow"
# All tests but those that need an environment of their own.
core_tests := "tests --ignore=tests/with_dagster --ignore=tests/with_prefect --ignore=tests/with_airflow --ignore=tests/together"

# List the recipes
default:
    @just --list --unsorted

# Snapshot, train, change, compare, verify, download: the product in two minutes, no account needed
demo *args: (_sync-demo)
    @.venvs/demo/bin/landfast demo "$@"

# Record the demo's data, and show it in a browser until Ctrl-C
ui *args: (_sync-demo)
    @.venvs/demo/bin/landfast demo --ui "$@"

# Run Airflow, Dagster, Prefect and a shell step over one registry, until Ctrl-C
together: _sync (_sync-integration "airflow") (_sync-integration "dagster") (_sync-integration "prefect")
    @PYTHONPATH=tests .venv/bin/python -m examples.together

# Run the `landfast` command line, in the demo's environment
[no-cd]
landfast *args: (_sync-demo)
    @"{{justfile_directory()}}/.venvs/demo/bin/landfast" "$@"

# Prepare everything for development: environments, Debian packages that tests run, git hooks
setup: (_packages "nginx:nginx-light") _sync (_sync-integration "dagster") (_sync-integration "prefect") (_sync-integration "airflow")
    [ ! -d .git ] || .venv/bin/pre-commit install

# Run the tests of the core and, beside them, of each integration; arguments go to the core's pytest
test *args: (_packages "nginx:nginx-light") _sync (_sync-integration "dagster") (_sync-integration "prefect") (_sync-integration "airflow")
    scripts/in-memory scripts/beside _all-with _all-core "$@"

# Run the core's tests alone, in one process: `just test-core tests/core/model -k digest`
test-core *args: _sync
    .venv/bin/python -m pytest -m "not system" {{ if args == "" { core_tests } else { '"$@"' } }}

# Run one integration's tests, in its own environment: dagster, prefect or airflow
test-with integration *args: (_sync-integration integration)
    @echo "== tests/with_$1"
    scripts/in-memory .venvs/$1/bin/python -m pytest "tests/with_$1" -m "not system" -n 2 --dist worksteal "${@:2}"

# Run the slow tests: Ceph's radosgw, OpenStack Swift and what takes minutes; each integration live, all together, and with the oldest framework; the built wheels
test-system *args: (_packages "nginx:nginx-light" "pgbouncer:pgbouncer" "radosgw:radosgw" "ceph-mon:ceph-mon" "ceph-osd:ceph-osd" "ceph-authtool:ceph-common" "memcached:memcached" "swift-ring-builder:swift" "swift-proxy-server:swift-proxy" "swift-account-server:swift-account" "swift-container-server:swift-container" "swift-object-server:swift-object" "chromium:chromium") _sync (_sync-integration "dagster") (_sync-integration "prefect") (_sync-integration "airflow")
    just _all-live
    just _all-slow "$@"

# Run one integration's slow tests, beside its live server and in a browser: dagster, prefect or airflow
test-live integration *args: (_packages "chromium:chromium") (_sync-integration integration)
    @echo "== tests/with_$1, live"
    scripts/in-memory .venvs/$1/bin/python -m pytest "tests/with_$1" -m system "${@:2}"

# Run the tests of what all integrations do together: the three live, in an environment each, over one registry
test-together *args: (_packages "chromium:chromium") _sync (_sync-integration "airflow") (_sync-integration "dagster") (_sync-integration "prefect")
    @echo "== tests/together"
    scripts/in-memory .venv/bin/python -m pytest tests/together -m "system and not nightly" "$@"

# Run one integration's tests with the oldest framework that it supports, or those of the `core` with its oldest dependencies
test-oldest name *args: (_oldest name)
    @echo "== tests of $1, oldest supported"
    {{ if name == "core" { "" } else { "scripts/in-memory" } }} .venvs/$1-oldest/bin/python -m pytest {{ if name != "core" { "tests/with_" + name } else if args == "" { core_tests } else { "" } }} -m "not system" -n 2 --dist worksteal "${@:2}"

# Run one integration's slow tests, beside its live server and in a browser, with the oldest framework that it supports
test-oldest-live integration *args: (_packages "chromium:chromium") (_oldest integration)
    @echo "== tests/with_$1, oldest supported, live"
    scripts/in-memory .venvs/$1-oldest/bin/python -m pytest "tests/with_$1" -m system "${@:2}"

# Run what is too heavy for every change: every moment to be killed at, the oldest dependencies of the core, the oldest frameworks live, the torture of peers, the benchmarks
nightly: (_packages "nginx:nginx-light") _sync (_sync-integration "airflow") (_sync-integration "dagster") (_sync-integration "prefect") (test-oldest "core") (test-oldest-live "dagster") (test-oldest-live "prefect") (test-oldest-live "airflow")
    scripts/peer-environments feast wandb quilt3 dvc datachain dagster-wandb
    .venv/bin/python -m pytest {{core_tests}} -m nightly -n 2 --dist worksteal
    .venv/bin/python -m pytest tests/together -m nightly
    PYTHONPATH=tests .venv/bin/python -m conformance
    .venv/bin/python benchmarks/run.py

# Take the documentation's pictures anew, each after its page shows what it should
pictures:
    for name in {{integrations}}; do LANDFAST_TEST_PICTURES="$PWD/docs/images" just test-live $name -k picture; done
    LANDFAST_TEST_PICTURES="$PWD/docs/images" .venv/bin/python -m pytest tests/core/web/test_browser.py -k picture
    LANDFAST_TEST_PICTURES="$PWD/docs/images" just test-together -k picture

# Check style, spelling, TOML and YAML: what the git hooks check, on all files
lint: _sync
    .venv/bin/pre-commit run --all-files --show-diff-on-failure

# Check types, strictly: the core, then each integration against its own framework
types: _sync (_sync-integration "dagster") (_sync-integration "prefect") (_sync-integration "airflow")
    scripts/types {{integrations}}

# Mend what can be mended: formatting, import order, simple lint
fmt: _sync
    .venv/bin/ruff check --fix --exit-zero --quiet
    .venv/bin/ruff format

# Build the sdists and wheels of all four packages into dist/; the same commit gives the same bytes
build: _sync
    @scripts/build . dist
    @ls dist

# Install the built wheels in fresh environments, run the integrations' tests and the demo from them
wheels-check: build
    .venv/bin/python scripts/check-distributions dist
    scripts/wheels-check {{integrations}}

# Put into dist/container what `docker build` needs for the image of `landfast ui` and of workers
container: build
    @scripts/container-context dist dist/container
    @echo "docker build --tag landfast dist/container"

# Make a release, all but the upload, and print what is left to do: `just release X.Y.Z`, `just release X.Y.Z --dry-run`
release *args: _sync
    .venv/bin/python scripts/release "$@"

# Build the site of the documentation into dist/docs, and check its links and anchors
docs: _sync
    .venv/bin/python scripts/site

# Measure beside peers and floors, in minutes; for the record and docs/benchmarks.md: `just bench --full --keep`
bench *args: _sync
    .venv/bin/python benchmarks/run.py "$@"

# Try what may happen to recorded data, on Landfast and on peers; write docs/torture.md: a quarter of an hour
torture *args: _sync
    scripts/peer-environments wandb quilt3 dvc datachain
    PYTHONPATH=tests .venv/bin/python -m conformance "$@"

# Say in one line that the lock fits the four pyproject.toml
lock-check:
    uv lock --check

# Remove environments, builds and caches; the fetched tools stay
clean:
    rm -rf .venv .venvs dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
    find . -name __pycache__ -type d -prune -exec rm -rf {} +

_sync:
    @uv sync --locked --quiet

_sync-demo:
    @cd "{{justfile_directory()}}" && UV_PROJECT_ENVIRONMENT=.venvs/demo uv sync --locked --quiet --package landfast --extra demo --extra web

_sync-integration name:
    @UV_PROJECT_ENVIRONMENT=.venvs/$1 uv sync --locked --quiet --group test \
        --package "$(scripts/distribution $1)" --extra s3 --extra gcs --extra postgres

# Three processes on two cores: each waits a third of its time, for programs and servers.
_all-core *args:
    .venv/bin/python -m pytest {{core_tests}} -m "not system" -n 3 --dist worksteal "$@"

# One process each, as a second would start its framework too; in two streams, which end when the core does.
_all-with:
    scripts/beside _with-dagster _with-others

_with-dagster: (test-with "dagster" "-n" "0")

_with-others: (test-with "airflow" "-n" "0") (test-with "prefect" "-n" "0")

# What waits for real orchestrators, who do things at intervals of their own; beside what keeps the cores busy they would
# wait for longer than a test may.
_all-live: (test-live "dagster") (test-live "prefect") (test-live "airflow")

# What keeps the cores busy.
_all-slow *args: && test-together (test-oldest "dagster") (test-oldest "prefect") (test-oldest "airflow") wheels-check
    .venv/bin/python -m pytest {{core_tests}} -m "system and not nightly" -n 2 --dist worksteal "$@"

_oldest name:
    @scripts/oldest-environment "$1"

_packages +commands:
    @scripts/debian-packages "$@"
